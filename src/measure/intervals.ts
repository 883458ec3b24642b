/** Intervals around rates: Wilson's for independent trials, the bootstrap where trials come in groups. */

/** A rate with its 95% interval, all from 0 to 1; the interval of no trials is everything. */
export interface Rate {
  readonly hits: number;
  readonly trials: number;
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** The 97.5th percentile of the normal distribution. */
const Z = 1.959964;

/** A rate with Wilson's score interval. */
export function wilson(hits: number, trials: number): Rate {
  if (trials === 0) return { hits, trials, rate: 0, low: 0, high: 1 };
  const rate = hits / trials;
  const scale = 1 + Z ** 2 / trials;
  const centre = (rate + Z ** 2 / (2 * trials)) / scale;
  const half = (Z * Math.sqrt((rate * (1 - rate)) / trials + Z ** 2 / (4 * trials ** 2))) / scale;
  return { hits, trials, rate, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Hits and trials of one group, whose trials are alike: those of one subject, say. */
export interface Group {
  readonly hits: number;
  readonly trials: number;
}

/** Groups are drawn this often; the ends of the interval are the 25th values from both sides. */
const RESAMPLES = 1000;

/** A rate whose 95% interval comes from drawing whole groups again, seeded: the percentile bootstrap. */
export function bootstrapRate(groups: readonly Group[], seed = 0): Rate {
  const hits = sumOf(groups, ({ hits: of }) => of);
  const trials = sumOf(groups, ({ trials: of }) => of);
  if (trials === 0) return wilson(0, 0);
  const chance = chances(seed);
  const rates = Array.from({ length: RESAMPLES }, () => {
    const drawn = groups.map(() => groups[Math.floor(chance() * groups.length)] ?? EMPTY);
    const count = sumOf(drawn, ({ trials: of }) => of);
    return count === 0 ? 0 : sumOf(drawn, ({ hits: of }) => of) / count;
  }).sort((a, b) => a - b);
  const end = Math.round(0.025 * RESAMPLES);
  return {
    hits,
    trials,
    rate: hits / trials,
    low: rates[end] ?? 0,
    high: rates[RESAMPLES - 1 - end] ?? 1,
  };
}

const EMPTY: Group = { hits: 0, trials: 0 };

function sumOf(groups: readonly Group[], of: (group: Group) => number): number {
  return groups.reduce((sum, group) => sum + of(group), 0);
}

/** Numbers from 0 to below 1: mulberry32, which is short and good enough to draw groups with. */
function chances(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
