/** What a vector becomes when it is written: in place of the state that is there, or mixed with it. */
import { normOf } from "../mapping/mapping.ts";
import type { ModeSpec } from "../spec/spec.ts";

/** What is written, `[hidden]`; `there` is the state at that place, with all earlier writes of the same run in effect. */
export function written(mode: ModeSpec, vector: Float32Array, there: Float32Array): Float32Array {
  if (mode === "replace") return vector;
  if (mode === "add") return combined(1, there, 1, vector);
  if (mode === "norm-matched")
    return combined(0, there, normOf(there) / (normOf(vector) || 1), vector);
  if (mode === "norm-scaled") return combined(0, there, normOf(there), vector);
  return combined(1 - mode.interpolate, there, mode.interpolate, vector);
}

/** a · x + b · y, in float64 and rounded once. */
function combined(a: number, x: Float32Array, b: number, y: Float32Array): Float32Array {
  return Float32Array.from(y, (value, index) => a * (x[index] ?? 0) + b * value);
}
