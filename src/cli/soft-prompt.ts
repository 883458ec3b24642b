/** `inspect --soft-prompt FILE`: how many tokens the file has, which a preset must know. What fits the model is the plan's to say. */
import type { SoftPrompt } from "../spec/presets/preset.ts";
import { loadVectorsFile } from "./run-and-show.ts";

/** The soft prompt of a file; none where there is none. Throws `io` or `model-unreadable`. */
export async function softPromptOf(file: string | undefined): Promise<SoftPrompt | undefined> {
  if (file === undefined) return undefined;
  const { layerCount, tensor } = await loadVectorsFile(file);
  return { file, tensor, count: layerCount ?? 1 };
}
