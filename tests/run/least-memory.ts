/** How little memory a plan runs in. */

/** The least that is enough, to a thousandth. */
export function leastMemory(limits: (memory: number) => unknown): number {
  let [low, high] = [0, 1e12];
  while (high > low * 1.001 + 1) {
    const middle = (low + high) / 2;
    try {
      limits(middle);
      high = middle;
    } catch {
      low = middle;
    }
  }
  return high;
}
