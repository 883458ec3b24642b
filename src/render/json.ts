/** A result as JSON, the form that other programs read: one line a field and a cell, so that diffs and grep work. */
import type { PatchscopeResult } from "../result/result.ts";

/** Writes a result whole. Parsing it gives the same result back. */
export function json(result: PatchscopeResult): string {
  const fields = Object.entries(result).map(([name, value]: [string, unknown]) => {
    const text = Array.isArray(value) ? lines(value) : JSON.stringify(value);
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${fields.join(",\n")}\n}`;
}

function lines(values: readonly unknown[]): string {
  if (values.length === 0) return "[]";
  return `[\n${values.map((value) => `    ${JSON.stringify(value)}`).join(",\n")}\n  ]`;
}
