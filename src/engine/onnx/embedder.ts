/** What block 0 reads for a token: its embedding, times the model's factor, plus a learned position. */
import type { ModelDefinition } from "../architecture.ts";

/** Writes what block 0 reads for a token at a position, `[hidden]`, from `out[offset]` on. */
export type Embedder = (
  at: { readonly token: number; readonly position: number },
  out: Float32Array,
  offset: number,
) => void;

/** Looks rows up as they are stored; positions, of which there are few, are kept as float32. */
export async function embedder({ architecture, weights }: ModelDefinition): Promise<Embedder> {
  const { hiddenSize, embeddingScale: scale } = architecture;
  const readRow = await weights.embedding.rowReader();
  const positions = new Float32Array(weights.positions?.shape.reduce((a, b) => a * b, 1) ?? 0);
  await weights.positions?.dequantize(positions);
  if (scale === 1 && positions.length === 0) {
    return ({ token }, out, offset) => {
      readRow(token, out, offset);
    };
  }
  return ({ token, position }, out, offset) => {
    readRow(token, out, offset);
    for (let i = 0; i < hiddenSize; i++) {
      const added = positions[position * hiddenSize + i] ?? 0;
      out[offset + i] = Math.fround((out[offset + i] ?? 0) * scale) + added;
    }
  };
}
