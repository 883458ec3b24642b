/** Caches of runs that share an engine: rows of a cache that may hold those of several runs. */
import type { Cache, Engine } from "../engine.ts";
import { cacheDisposed } from "../errors.ts";

/** A cache of the engine, and those who have rows in it. It is disposed of when nobody has. */
export class JointCache {
  readonly engine: Engine;
  readonly cache: Cache;
  readonly #holders = new Set<RunCache>();

  constructor(engine: Engine, cache: Cache) {
    this.engine = engine;
    this.cache = cache;
  }

  hold(holder: RunCache): void {
    this.#holders.add(holder);
  }

  release(holder: RunCache): void {
    this.#holders.delete(holder);
    if (this.#holders.size === 0) this.cache.dispose();
  }

  /** Whether these are all of its rows, in their order. */
  isWhole(rows: readonly number[]): boolean {
    return rows.length === this.cache.rows && rows.every((row, index) => row === index);
  }

  /** Whether nobody else has rows in it. */
  isHeldBy(some: ReadonlySet<RunCache>): boolean {
    return [...this.#holders].every((holder) => some.has(holder));
  }
}

/** Which rows of a joint cache are a run's. */
export interface RowsOfRun {
  readonly joint: JointCache;
  readonly rows: readonly number[];
}

/** What a run sees of a cache: its own rows. */
export class RunCache implements Cache {
  readonly rows: number;
  #at: RowsOfRun | undefined;
  #alone: Cache | undefined;

  constructor(at: RowsOfRun) {
    this.rows = at.rows.length;
    this.#at = at;
    at.joint.hold(this);
  }

  /** Where its rows are. Throws `engine` where it was disposed of. */
  get at(): RowsOfRun {
    if (this.#at === undefined) throw cacheDisposed();
    return this.#at;
  }

  get lengths(): readonly number[] {
    const { joint, rows } = this.at;
    const { lengths } = joint.cache;
    return rows.map((row) => lengths[row] ?? 0);
  }

  get length(): number {
    return Math.max(0, ...this.lengths);
  }

  /** Some of the rows: the engine copies them when they, or those that stay, get longer. */
  select(rows: readonly number[]): RunCache {
    const { joint, rows: own } = this.at;
    return new RunCache({ joint, rows: rows.map((row) => own[row] ?? -1) });
  }

  /** Its rows as a cache of the engine's. */
  alone(): Cache {
    const { joint, rows } = this.at;
    if (joint.isWhole(rows)) return joint.cache;
    this.#alone ??= joint.engine.select(joint.cache, rows);
    return this.#alone;
  }

  /** Its rows are longer now, and maybe in another cache. */
  moveTo(at: RowsOfRun): void {
    const before = this.at.joint;
    this.#alone?.dispose();
    this.#alone = undefined;
    this.#at = at;
    if (before === at.joint) return;
    at.joint.hold(this);
    before.release(this);
  }

  dispose(): void {
    this.#alone?.dispose();
    this.#alone = undefined;
    this.#at?.joint.release(this);
    this.#at = undefined;
  }
}
