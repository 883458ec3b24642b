/** `inspect --soft-prompt FILE`: how many tokens the file has, which a preset must know. What fits the model is the plan's to say. */
import type { SoftPrompt } from "../spec/presets/preset.ts";
import { loadVectorsFile } from "./run-and-show.ts";

/** The soft prompt of a file; none where there is none. Throws `io` or `model-unreadable`. */
export async function softPromptOf(file: string | undefined): Promise<SoftPrompt | undefined> {
  if (file === undefined) return undefined;
  const { shape, tensor } = await loadVectorsFile(file);
  const [count = 1] = shape.slice(0, -1);
  return { file, tensor, count };
}
