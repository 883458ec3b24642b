/** `Array.isArray` that keeps read-only lists read-only; `Array.isArray` itself does not narrow them. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
