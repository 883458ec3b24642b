/** Reads what many specs name, such as a file: what was asked for last stays in memory. */
export function remembered<Names extends readonly unknown[], T>(
  read: (...names: Names) => Promise<T>,
  most?: number,
): (...names: Names) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (...names) => {
    const key = JSON.stringify(names);
    const found = known.get(key) ?? read(...names);
    known.delete(key);
    known.set(key, found);
    const [oldest] = known.keys();
    if (known.size > (most ?? Infinity) && oldest !== undefined) known.delete(oldest);
    return found;
  };
}

/** Files of vectors may be large. */
export const VECTOR_FILES = 8;
