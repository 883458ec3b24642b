/** Results as a run would give them, made by hand in the shapes that renderings must cope with. */
import type {
  CellRecord,
  ControlsRecord,
  NextToken,
  PatchscopeResult,
  PlaceRecord,
} from "../../src/result/result.ts";
import type { PatchscopeSpec, ReadSpec } from "../../src/spec/spec.ts";

const SOURCE = ["Bar", "ack", " Obama"];
const TARGET = ["Syria", ":", " Country", " in", " the", " Middle", " East", ",", " x"];

/** A read-out of 8 tokens, each with the same probability. */
export function generated(
  text: string,
  probability: number,
): Pick<CellRecord, "tokens" | "text" | "logprobs" | "next"> {
  const logprob = Math.log(probability);
  return {
    tokens: [1, 2, 3, 4, 5, 6, 7, 8],
    text,
    logprobs: Array.from({ length: 8 }, () => logprob),
    next: [{ token: 1, piece: text.slice(0, 4), logprob }],
  };
}

/** Tokens with their probabilities. */
export function nextTokens(
  ...tokens: readonly (readonly [piece: string, probability: number])[]
): readonly NextToken[] {
  return tokens.map(([piece, probability], token) => ({
    token,
    piece,
    logprob: Math.log(probability),
  }));
}

/** A place of the source (position 2) or of the target (position 8). */
export function place(layer: PlaceRecord["layer"], position: number): PlaceRecord {
  return { layer, position };
}

export interface ExampleParts {
  readonly cells: readonly CellRecord[];
  readonly read?: ReadSpec;
  readonly controls?: ControlsRecord;
  readonly warnings?: PatchscopeResult["warnings"];
}

/** A complete result around some cells. */
export function exampleResult(parts: ExampleParts): PatchscopeResult {
  return {
    version: 1,
    spec: exampleSpec(
      parts.read ?? { kind: "generate", maxTokens: 20, topK: 10, ignoreEos: false },
    ),
    specHash: "sha256:00",
    models: [
      {
        name: "smollm2-135m-instruct",
        architecture: "llama",
        layers: 30,
        hiddenSize: 576,
        weights: "sha256:11",
        precision: "float32",
      },
    ],
    source: { tokens: [10, 11, 12], pieces: SOURCE, positions: [2] },
    target: { tokens: TARGET.map((_, id) => id), pieces: TARGET, positions: [8] },
    cells: parts.cells,
    controls: parts.controls ?? {},
    warnings: parts.warnings ?? [],
    engine: { name: "onnx", device: "cpu", version: "1.30.0" },
    timing: { loadMs: 900, runMs: 1234 },
  };
}

function exampleSpec(read: ReadSpec): PatchscopeSpec {
  return {
    version: 1,
    source: {
      model: "smollm2-135m-instruct",
      prompt: SOURCE.join(""),
      position: -1,
      layer: "all",
      site: "resid_post",
    },
    sources: {},
    mapping: { kind: "identity" },
    target: {
      model: "same",
      prompt: TARGET.join(""),
      position: -1,
      layer: "same",
      site: "resid_post",
      mode: "replace",
      contamination: "keep",
    },
    interventions: [],
    read,
    metrics: [],
    controls: [{ kind: "unpatched" }, { kind: "unrelated" }],
    contrast: [],
    seed: 0,
  };
}

/** Layers 0 to 5 into themselves, with evidence: two neighbours that say the same, one that the prompt would say. */
export function exampleLadder(): PatchscopeResult {
  const cell = (
    layer: number,
    text: string,
    probability: number,
    evidence: number,
  ): CellRecord => ({
    source: place(layer, 2),
    target: place(layer, 8),
    ...generated(text, probability),
    evidence,
    logprobUnder: { unpatched: -21.3, unrelated: [-19, -24.5] },
  });
  return exampleResult({
    cells: [
      cell(0, ": American politician, 44th president\nof the United States", 0.5, 14.2),
      cell(1, ": American politician, 44th president\nof the United States", 0.62, 12.9),
      cell(2, ": American politician and lawyer", 0.21, 4.04),
      cell(3, " 미국의 정치인이자 변호사이며 제44대 대통령", 0.08, 3.2),
      cell(4, ": a country in the Middle East", 0.4, -0.02),
      cell(5, ": a country in the Middle East", 0.42, 1.3),
    ],
    controls: {
      unpatched: generated(": a country in Asia", 0.35),
      unrelated: [
        { prompt: "The kettle is on.", tokens: [1, 2] },
        { prompt: "Rain fell all night.", tokens: [3, 4] },
      ],
    },
    warnings: [
      {
        code: "attention-sink",
        message: "Position 0 gathers attention whatever its token is: its state says little.",
      },
    ],
  });
}
