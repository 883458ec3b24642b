/**
 * Several runs on one engine at a time. Each goes its own way and sees an engine of its own; where all of them wait for
 * one, passes of different runs that fit together are run as one. So what is shared is the time that weights take to be
 * read, whatever the runs are about.
 *
 * Nothing depends on how fast a run is: a pass is chosen when every run waits, so the same runs are the same passes.
 */
import {
  startOf,
  type Cache,
  type DecodePass,
  type Engine,
  type Pass,
  type PassOutput,
  type PrefillPass,
} from "../engine.ts";
import { passAborted } from "../errors.ts";
import { askedBy, joinPrefills, ofRun, prefillKey } from "./join-prefills.ts";
import { joinReads } from "./join-reads.ts";
import { JointCache, RunCache } from "./run-cache.ts";

/** One of the runs: `of` gives it its own view of an engine, whose caches are good for no other. */
export type TogetherRun<T> = (of: (engine: Engine) => Engine) => Promise<T>;

/** How large joined passes may be; a pass that a run asks for is never cut. */
export interface TogetherLimits {
  /** Tokens of all rows of a pass. */
  readonly maxTokens: number;
  /** Tokens that its rows look back to, each row's own, and themselves: their keys and values are copied for it. */
  readonly maxSeen: number;
}

/** Larger passes are not faster. */
const FAST: TogetherLimits = { maxTokens: 1024, maxSeen: 8192 };

/**
 * Runs all, and gives what each gives, in their order. Where one fails, all are stopped, and its error is thrown when they are.
 */
export async function runTogether<T>(
  runs: readonly TogetherRun<T>[],
  limits: TogetherLimits = FAST,
): Promise<T[]> {
  return new Together(limits).run(runs);
}

/** A run, as far as choosing passes needs to know it. */
interface Lane {
  passes: number;
  hasDecoded: boolean;
}

/** A pass that a run waits for. */
interface Ask<P extends Pass = Pass> {
  readonly lane: Lane;
  readonly engine: Engine;
  readonly pass: P;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (output: PassOutput) => void;
  readonly reject: (error: unknown) => void;
}

class Together {
  readonly #limits: TogetherLimits;
  readonly #open = new Set<Lane>();
  #asks: Ask[] = [];
  #isRunning = false;
  #failure: { readonly error: unknown } | undefined;

  constructor({ maxTokens, maxSeen }: TogetherLimits) {
    this.#limits = {
      maxTokens: Math.min(maxTokens, FAST.maxTokens),
      maxSeen: Math.min(maxSeen, FAST.maxSeen),
    };
  }

  async run<T>(runs: readonly TogetherRun<T>[]): Promise<T[]> {
    const lanes = runs.map((run) => ({ run, lane: { passes: 0, hasDecoded: false } }));
    for (const { lane } of lanes) this.#open.add(lane);
    const ended = await Promise.allSettled(lanes.map((each) => this.#runLane(each)));
    if (this.#failure !== undefined) throw this.#failure.error;
    return ended.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  }

  async #runLane<T>({
    run,
    lane,
  }: {
    readonly run: TogetherRun<T>;
    readonly lane: Lane;
  }): Promise<T> {
    try {
      return await run(this.#viewsFor(lane));
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#open.delete(lane);
      this.#go();
    }
  }

  #viewsFor(lane: Lane): (engine: Engine) => Engine {
    const views = new Map<Engine, Engine>();
    return (engine) => {
      const view = views.get(engine) ?? this.#viewOf(engine, lane);
      views.set(engine, view);
      return view;
    };
  }

  #viewOf(engine: Engine, lane: Lane): Engine {
    return {
      info: engine.info,
      architecture: engine.architecture,
      run: async (pass, signal) => {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (signal?.aborted === true) throw passAborted(signal.reason);
        return new Promise<PassOutput>((resolve, reject) => {
          this.#asks.push({ lane, engine, pass, signal, resolve, reject });
          this.#go();
        });
      },
      select: (cache: Cache, rows) => ofRun({ cache }).select(rows),
      ...(engine.multiply && { multiply: engine.multiply.bind(engine) }),
      // The engine is not the run's to dispose of.
      dispose: () => Promise.resolve(),
    };
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const ask of this.#asks) ask.reject(this.#failure.error);
    this.#asks = [];
  }

  /** Runs the next pass, where every run waits for one. */
  #go(): void {
    const waiting = new Set(this.#asks.map(({ lane }) => lane));
    if (this.#isRunning || waiting.size === 0 || waiting.size < this.#open.size) return;
    let chosen: readonly Ask[];
    try {
      chosen = chooseAsks(this.#asks, this.#limits);
    } catch (error) {
      // A run asks to go on from what it disposed of.
      this.#fail(error);
      return;
    }
    this.#asks = this.#asks.filter((ask) => !chosen.includes(ask));
    for (const { lane, pass } of chosen) {
      lane.passes += 1;
      lane.hasDecoded ||= pass.kind === "decode";
    }
    this.#isRunning = true;
    void runAsks(chosen).then(
      (outputs) => {
        this.#isRunning = false;
        for (const [index, { resolve, reject }] of chosen.entries()) {
          const output = outputs[index];
          if (output === undefined) reject(new Error("bug: a pass without output"));
          else resolve(output);
        }
      },
      (error: unknown) => {
        this.#isRunning = false;
        for (const { reject } of chosen) reject(error);
        this.#fail(error);
      },
    );
  }
}

/**
 * Which passes are next. Runs that have not decoded yet catch up first, so that all decode together; then come steps of
 * decoding, so that those that have ended wait for the others, and all go on together.
 */
function chooseAsks(asks: readonly Ask[], limits: TogetherLimits): readonly Ask[] {
  const ranked = asks.toSorted((a, b) => rankOf(a) - rankOf(b) || a.lane.passes - b.lane.passes);
  const [first] = ranked;
  if (first === undefined) return [];
  const ofEngine = ranked.filter(({ engine }) => engine === first.engine);
  if (isDecode(first)) {
    const key = decodeKey(first);
    return ofEngine.filter(
      (ask) => isDecode(ask) && decodeKey(ask) === key && isOfSame(ask, first),
    );
  }
  if (!isPrefill(first)) return [first];
  const key = prefillKey(first.pass);
  const joinable = ofEngine
    .filter(isPrefill)
    .filter((ask) => ask === first || (key !== undefined && prefillKey(ask.pass) === key))
    .filter((ask) => isOfSame(ask, first));
  return fitting(first, joinable, limits);
}

function rankOf({ lane, pass }: Ask): number {
  if (pass.kind === "decode") return 1;
  return lane.hasDecoded ? 2 : 0;
}

/** Of like length before others, as far as they fit into one pass, in which all rows take as much room as the longest. */
function fitting(
  first: Ask<PrefillPass>,
  asks: readonly Ask<PrefillPass>[],
  { maxTokens, maxSeen }: TogetherLimits,
): readonly Ask[] {
  const far = ({ pass }: Ask<PrefillPass>): number =>
    Math.abs(pass.length - first.pass.length) + Math.abs(seenBy(pass) - seenBy(first.pass));
  const chosen: Ask<PrefillPass>[] = [];
  const known = new Set<string>();
  let size = { rows: 0, length: 0, seen: 0 };
  for (const ask of asks.toSorted((a, b) => far(a) - far(b))) {
    const asked = askedBy(ask.pass);
    const isKnown = asked !== undefined && known.has(asked);
    const withIt = {
      rows: size.rows + (isKnown ? 0 : ask.pass.rows.length),
      length: Math.max(size.length, ask.pass.length),
      seen: Math.max(size.seen, seenBy(ask.pass)),
    };
    const { rows, length, seen } = withIt;
    const isTooMuch = rows * length > maxTokens || rows * (seen + length) > maxSeen;
    if (chosen.length > 0 && isTooMuch) continue;
    size = withIt;
    chosen.push(ask);
    if (asked !== undefined) known.add(asked);
  }
  return chosen;
}

/** How many tokens stand before a pass's rows, at most. */
function seenBy(pass: PrefillPass): number {
  return Math.max(...pass.rows.map((_, row) => startOf(pass, row)));
}

function isPrefill(ask: Ask): ask is Ask<PrefillPass> {
  return ask.pass.kind === "prefill";
}

function isDecode(ask: Ask): ask is Ask<DecodePass> {
  return ask.pass.kind === "decode";
}

function decodeKey({ pass: { read } }: Ask<DecodePass>): string {
  return JSON.stringify([read.topK, read.logits === true]);
}

/** Whether two passes go on from rows of the same cache, or from none. */
function isOfSame(a: Ask, b: Ask): boolean {
  return jointOf(a) === jointOf(b);
}

function jointOf({ pass }: Ask): JointCache | undefined {
  if (pass.kind === "decode") return ofRun(pass).at.joint;
  return pass.context && ofRun(pass.context).at.joint;
}

/** Runs passes that fit together as one. */
function runAsks(asks: readonly Ask[]): Promise<readonly PassOutput[]> {
  const prefills = asks.filter(isPrefill);
  return prefills.length > 0 ? runPrefills(prefills) : runDecodes(asks.filter(isDecode));
}

async function runPrefills(asks: readonly Ask<PrefillPass>[]): Promise<readonly PassOutput[]> {
  const [first] = asks;
  if (first === undefined) return [];
  const { engine, signal } = first;
  // What several ask for is run for the first of them.
  const names = asks.map(({ pass }, index) => askedBy(pass) ?? `${index}`);
  const distinct = [...new Set(names)];
  const passes = distinct.flatMap((name) => asks[names.indexOf(name)]?.pass ?? []);
  const joined = joinPrefills(passes, engine.architecture);
  const output = await engine.run(joined.pass, signal);
  const joint = output.cache && new JointCache(engine, output.cache);
  const outputs = joined.cut(output);
  return names.flatMap((name): readonly PassOutput[] => {
    const index = distinct.indexOf(name);
    const [own, rows] = [outputs[index], joined.rows[index]];
    // Rows that several asked for are each one's own, for all that it knows.
    return own && rows ? [{ ...own, cache: joint && new RunCache({ joint, rows }) }] : [];
  });
}

async function runDecodes(asks: readonly Ask<DecodePass>[]): Promise<readonly PassOutput[]> {
  const [first] = asks;
  if (first === undefined) return [];
  const { engine, signal } = first;
  const caches = asks.map(({ pass }) => ofRun(pass));
  const joint = jointOfThese(caches);
  const starts: number[] = [];
  let count = 0;
  for (const { rows } of caches) {
    starts.push(count);
    count += rows;
  }
  const rowOf = (index: number) => (row: number) => (starts[index] ?? 0) + row;
  const { read, cut } = joinReads(
    asks.map(({ pass }, index) => ({ read: pass.read, rowOf: rowOf(index) })),
  );
  const output = await engine.run(
    {
      kind: "decode",
      cache: joint.cache,
      tokens: Int32Array.from(asks.flatMap(({ pass }) => [...pass.tokens])),
      blocked: asks.flatMap(({ pass: { blocked = [] } }, index) =>
        blocked.map((edge) => ({ ...edge, row: rowOf(index)(edge.row) })),
      ),
      read: read ?? { at: [], topK: 0 },
    },
    signal,
  );
  const readOuts = cut(output.read);
  return asks.map(({ pass }, index) => {
    const rows = Array.from({ length: caches[index]?.rows ?? 0 }, (_, row) => rowOf(index)(row));
    caches[index]?.moveTo({ joint, rows });
    return { taps: [], read: readOuts[index], cache: pass.cache };
  });
}

/** A cache that has the rows of these in their order and no others. */
function jointOfThese(caches: readonly RunCache[]): JointCache {
  const rows = caches.flatMap(({ at }) => at.rows);
  const [first] = caches;
  if (first === undefined) throw new Error("bug: no cache to go on from");
  const { joint } = first.at;
  if (joint.isWhole(rows) && joint.isHeldBy(new Set(caches))) return joint;
  return new JointCache(joint.engine, joint.engine.select(joint.cache, rows));
}
