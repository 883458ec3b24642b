/** Where a result comes from: its models and engine, what they are known by, and what there is to warn of. */
import { assert } from "../errors.ts";
import type { LoadedMapping } from "../mapping/fitted-mapping.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import type { VectorFiles } from "../plan/vectors.ts";
import type { ModelRecord, PatchscopeResult } from "../result/result.ts";
import { specHash } from "../spec/canonical.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { ReadyModel } from "./run-spec.ts";

/** Rounded activations are another computation: what it says is for a first look. */
export function precisionWarnings(records: readonly ModelRecord[]): PatchscopeResult["warnings"] {
  const rounded = records.filter(({ precision }) => precision === "int8").map(({ name }) => name);
  if (rounded.length === 0) return [];
  const [first = ""] = rounded;
  return [
    {
      code: "rounded-activations",
      message: `${rounded.join(" and ")} ran in int8, which says only nearly the same as float32; patchscopes models verify ${first} --precision int8 measures how nearly.`,
    },
  ];
}

/** What a result says of a model. */
export async function modelRecord({ model, engine }: ReadyModel): Promise<ModelRecord> {
  const { family, layers, hiddenSize } = model.architecture;
  const { precision } = engine.info;
  const weights = await model.weightsHash();
  return { name: model.name, architecture: family, layers, hiddenSize, weights, precision };
}

/** What a result says of the engine that ran it. */
export function engineRecord({ engine }: ReadyModel): PatchscopeResult["engine"] {
  const { name, device, version } = engine.info;
  return { name, device, version };
}

/** The hash of a spec with the contents that it names: models, a mapping, files of vectors. */
export function hashOf(
  spec: PatchscopeSpec,
  [source, target]: readonly ModelRecord[],
  files: {
    readonly fitted: LoadedMapping | undefined;
    readonly vectors: VectorFiles<LoadedVectors>;
  },
): Promise<string> {
  assert(source, "there is a model");
  return specHash(spec, {
    source: source.weights,
    target: target?.weights,
    mapping: files.fitted?.hash,
    vectors: new Map([...files.vectors.values()].map((each) => [each.file, each.hash])),
  });
}
