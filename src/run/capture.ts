/** Activations of a prompt: states at one site over layers and positions, and the logits, as tensors to be saved. */
import type { Engine } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import type { Site } from "../site.ts";

export interface CaptureRequest {
  readonly tokens: readonly number[];
  readonly site: Site;
  /** Absolute, ascending; `embedding` is what block 0 reads, whatever the site. */
  readonly layers: readonly (number | "embedding")[];
}

export interface CapturedStates {
  /** `[layers, positions, hidden]`, in the order asked for. */
  readonly states: Float32Array;
  /** `[positions, vocab]` */
  readonly logits: Float32Array;
}

/** Runs a prompt once. */
export async function captureStates(
  engine: Engine,
  request: CaptureRequest,
  signal?: AbortSignal,
): Promise<CapturedStates> {
  const { tokens, site, layers } = request;
  const { hiddenSize } = engine.architecture;
  const output = await engine.run(
    {
      kind: "prefill",
      length: tokens.length,
      rows: [{ tokens }],
      taps: layers.map((layer) =>
        layer === "embedding" ? { site: "resid_pre", layer: 0 } : { site, layer },
      ),
      read: { at: tokens.map((_, offset) => ({ row: 0, offset })), topK: 0, logits: true },
    },
    signal,
  );
  const width = tokens.length * hiddenSize;
  const states = new Float32Array(layers.length * width);
  for (const [index, tap] of output.taps.entries()) {
    states.set(tap, index * width);
  }
  assert(output.read?.logits, "the logits were read");
  return { states, logits: output.read.logits };
}
