/**
 * A fitted mapping as a safetensors file and back. For each pair of layers there are the tensors
 * `<source>.<target>.<part>`; all else is JSON in the header, so that a file says itself where it comes from.
 * Where the bytes lie is the caller's business.
 */
import * as z from "zod";
import type { ByteSource } from "../models/weights/byte-source.ts";
import { memorySource } from "../models/weights/byte-source.ts";
import { bytesOf, type StoredTensor } from "../models/weights/checkpoint.ts";
import { readSafetensors, readSafetensorsMetadata } from "../models/weights/safetensors.ts";
import { writeSafetensors, type OutputTensor } from "../models/weights/safetensors-writer.ts";
import { FITTED_KINDS } from "../map-kinds.ts";
import { SITES } from "../site.ts";
import { mappingUnreadable } from "./errors.ts";
import type {
  FittedMapping,
  FittedPair,
  LoadedMapping,
  MappedLayer,
  MappedModel,
} from "./fitted-mapping.ts";
import type { FittedMap } from "./mapping.ts";

const FORMAT = "patchscopes-mapping";
const VERSION = 1;
/** A file is read whole, to be hashed. Affine maps of 100 layers of 2048 numbers take 1.7 GB. */
export const MAX_MAPPING_BYTES: number = 2 ** 31 - 1;

/** The bytes of a mapping's file, in order. */
export function writeMapping(mapping: FittedMapping): readonly Uint8Array[] {
  const { pairs, ...facts } = mapping;
  const tensors = pairs.flatMap(({ source, target, map }) =>
    partsOf(map).map(({ name, ...part }) => ({ ...part, name: `${source}.${target}.${name}` })),
  );
  const header = { version: VERSION, ...facts, pairs: pairs.map(({ map: _, ...pair }) => pair) };
  return writeSafetensors(tensors, { format: FORMAT, mapping: JSON.stringify(header) });
}

function partsOf(map: FittedMap): readonly OutputTensor[] {
  const vector = (name: string, data: Float32Array): OutputTensor => ({
    name,
    shape: [data.length],
    data,
  });
  const matrix = (name: string, data: Float32Array): OutputTensor => ({
    name,
    shape: [map.bias.length, data.length / map.bias.length],
    data,
  });
  const bias = vector("bias", map.bias);
  switch (map.kind) {
    case "affine":
      return [matrix("weight", map.weight), bias];
    case "procrustes":
      return [matrix("rotation", map.rotation), vector("scale", Float32Array.of(map.scale)), bias];
    case "scalar-affine":
      return [vector("factor", map.factor), bias];
    case "low-rank": {
      const { down, up } = map;
      const rank = up.length / map.bias.length;
      return [
        matrix("up", up),
        { name: "down", shape: [rank, down.length / rank], data: down },
        vector("scale", Float32Array.of(map.scale)),
        bias,
      ];
    }
    case "mlp": {
      const { inner, innerBias } = map;
      const shape = [innerBias.length, inner.length / innerBias.length];
      return [
        matrix("weight", map.weight),
        { name: "inner", shape, data: inner },
        vector("inner_bias", innerBias),
        matrix("outer", map.outer),
        bias,
      ];
    }
  }
}

const layer = z.union([z.int().min(0), z.literal("embedding")]);
const score = z.number();
const scores = z.object({ r2: score, cosine: score, precision1: score, surprisal: score });
const count = z.int().min(0);

const model = z.object({
  name: z.string(),
  weights: z.string(),
  layers: z.int().min(1),
  hiddenSize: z.int().min(1),
});

const headerSchema = z.object({
  version: z.literal(VERSION),
  kind: z.enum(FITTED_KINDS),
  model,
  target: z.exactOptional(model),
  site: z.enum(SITES),
  anySource: z.exactOptional(z.boolean()),
  pairs: z
    .array(
      z.object({
        source: layer,
        target: layer,
        scores: z.exactOptional(scores),
        identity: z.exactOptional(scores),
        ridge: z.exactOptional(z.number()),
      }),
    )
    .min(1),
  fit: z.exactOptional(
    z.object({
      data: z.string(),
      texts: count,
      states: count,
      heldOutStates: count,
      seed: z.int(),
      ridge: z.union([z.number(), z.literal("auto")]),
      rank: z.exactOptional(count),
      hidden: z.exactOptional(count),
      ahead: z.exactOptional(count),
      method: z.exactOptional(z.literal("lre")),
      beta: z.exactOptional(z.number()),
    }),
  ),
});
type Header = z.infer<typeof headerSchema>;

/**
 * Reads a mapping from a file's bytes.
 * @param file what messages call it
 * @throws `model-unreadable` for whatever is not such a file, or not all of it
 */
export async function readMapping(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<LoadedMapping> {
  const source = memorySource(file, bytes);
  const tensors = new Map((await readSafetensors(source)).map((each) => [each.name, each]));
  const { pairs: named, ...facts } = await headerOf(source);
  const pairs: FittedPair[] = [];
  for (const pair of named) {
    const name = `${pair.source}.${pair.target}`;
    const reader = { file, name, tensors, ...widthsOf(facts) };
    if (pairs.some((other) => isSamePair(other, pair))) {
      throw mappingUnreadable(file, `the map ${name} is named twice`);
    }
    checkLayers(file, pair, facts);
    pairs.push({ ...pair, map: await readMap(facts.kind, reader) });
  }
  const [extra] = tensors.keys();
  if (extra !== undefined) throw mappingUnreadable(file, `tensor "${extra}" belongs to no map`);
  return { ...facts, pairs, file, hash: await hashOf(bytes) };
}

/** Whether a file's metadata say that it is a mapping of this program. */
export function isMappingFile({ format, mapping }: Readonly<Record<string, string>>): boolean {
  return format === FORMAT && mapping !== undefined;
}

async function headerOf(source: ByteSource): Promise<Header> {
  const metadata = await readSafetensorsMetadata(source);
  const { mapping = "" } = metadata;
  if (!isMappingFile(metadata)) {
    throw mappingUnreadable(source.name, "its header does not say that it is a mapping");
  }
  let value: unknown;
  try {
    value = JSON.parse(mapping);
  } catch {
    throw mappingUnreadable(source.name, "what its header says of the mapping is no JSON");
  }
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const problem = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "wrong"}`;
  throw mappingUnreadable(source.name, `in its header, ${problem}`);
}

type PairOfLayers = Pick<FittedPair, "source" | "target">;

function isSamePair(a: PairOfLayers, b: PairOfLayers): boolean {
  return a.source === b.source && a.target === b.target;
}

function checkLayers(
  file: string,
  { source, target }: PairOfLayers,
  { model: from, target: to = from }: Omit<Header, "pairs">,
): void {
  const isBeyond = (of: MappedLayer, { layers }: MappedModel): boolean =>
    of !== "embedding" && of >= layers;
  const beyond = isBeyond(source, from) ? from : isBeyond(target, to) ? to : undefined;
  if (beyond === undefined) return;
  const problem = `the map ${source}.${target} is for a layer that its model of ${beyond.layers} layers has not`;
  throw mappingUnreadable(file, problem);
}

interface MapReader {
  readonly file: string;
  readonly name: string;
  /** Those that no map has taken yet. */
  readonly tensors: Map<string, StoredTensor>;
  /** Numbers of a state, before and after. */
  readonly width: number;
  readonly out: number;
}

function widthsOf({
  model: from,
  target,
}: Omit<Header, "pairs">): Pick<MapReader, "width" | "out"> {
  return { width: from.hiddenSize, out: (target ?? from).hiddenSize };
}

async function readMap(kind: FittedMap["kind"], from: MapReader): Promise<FittedMap> {
  const { width, out } = from;
  const bias = await readPart(from, "bias", [[out]]);
  switch (kind) {
    case "affine":
      return { kind, weight: await readPart(from, "weight", [[out, width]]), bias };
    case "procrustes": {
      const rotation = await readPart(from, "rotation", [[out, width]]);
      const [scale = NaN] = await readPart(from, "scale", [[1]]);
      return { kind, rotation, scale, bias };
    }
    case "scalar-affine":
      return { kind, factor: await readPart(from, "factor", [[out], [1]]), bias };
    case "low-rank": {
      const rank = rowsOf(from, "down");
      const up = await readPart(from, "up", [[out, rank]]);
      const down = await readPart(from, "down", [[rank, width]]);
      const [scale = NaN] = await readPart(from, "scale", [[1]]);
      return { kind, scale, up, down, bias };
    }
    case "mlp": {
      const hidden = rowsOf(from, "inner");
      const weight = await readPart(from, "weight", [[out, width]]);
      const inner = await readPart(from, "inner", [[hidden, width]]);
      const innerBias = await readPart(from, "inner_bias", [[hidden]]);
      const outer = await readPart(from, "outer", [[out, hidden]]);
      return { kind, weight, bias, inner, innerBias, outer };
    }
  }
}

/** Rows of a part whose shape the width alone does not say; at least 1, so that a wrong one is refused when it is read. */
function rowsOf({ name, tensors }: MapReader, part: string): number {
  return Math.max(1, tensors.get(`${name}.${part}`)?.shape[0] ?? 1);
}

/** The numbers of a tensor, which must have one of these shapes. */
async function readPart(
  { file, name: pair, tensors }: MapReader,
  part: string,
  shapes: readonly (readonly number[])[],
): Promise<Float32Array> {
  const name = `${pair}.${part}`;
  const tensor = tensors.get(name);
  if (tensor === undefined) throw mappingUnreadable(file, `tensor "${name}" is missing`);
  const shape = tensor.shape.join(", ");
  if (!shapes.some((each) => each.join(", ") === shape)) {
    const expected = shapes.map((each) => `[${each.join(", ")}]`).join(" or ");
    throw mappingUnreadable(file, `tensor "${name}" should be ${expected} and is [${shape}]`);
  }
  if (tensor.type !== "F32") {
    throw mappingUnreadable(file, `tensor "${name}" should be F32 and is ${tensor.type}`);
  }
  tensors.delete(name);
  const numbers = new Float32Array((await bytesOf(tensor)).buffer);
  if (!numbers.every(Number.isFinite)) {
    throw mappingUnreadable(file, `tensor "${name}" holds numbers that are not finite`);
  }
  return numbers;
}

/** `sha256:…` of some bytes. */
export async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
