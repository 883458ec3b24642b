/** The families that are built, and how a file's own name for its kind finds one. */
import { modelUnsupported } from "../errors.ts";
import type { Family } from "./family.ts";
import { LLAMA } from "./llama.ts";

/** All families. */
const FAMILIES: readonly Family[] = [LLAMA];

/**
 * The family of a config.json.
 * @throws `model-unsupported` naming the kinds there are
 */
export function familyOfModelType(modelType: string, file: string): Family {
  const family = FAMILIES.find(({ huggingFace }) => huggingFace.modelTypes.includes(modelType));
  if (family !== undefined) return family;
  throw unknownKind(
    file,
    "model_type",
    modelType,
    FAMILIES.flatMap((one) => one.huggingFace.modelTypes),
  );
}

/**
 * The family of a GGUF file.
 * @throws `model-unsupported` naming the kinds there are
 */
export function familyOfGgufArchitecture(architecture: string, file: string): Family {
  const family = FAMILIES.find(({ gguf }) => gguf.architectures.includes(architecture));
  if (family !== undefined) return family;
  throw unknownKind(
    file,
    "general.architecture",
    architecture,
    FAMILIES.flatMap((one) => one.gguf.architectures),
  );
}

function unknownKind(file: string, key: string, got: string, known: readonly string[]): Error {
  return modelUnsupported({
    file,
    missing: `its ${key} is "${got}", and only ${known.map((name) => `"${name}"`).join(", ")} can be run`,
    hint: "Take a model of one of these kinds.",
  });
}
