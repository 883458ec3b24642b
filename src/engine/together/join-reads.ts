/** What several passes read, as one read-out; and what each gets of it. */
import type { Read, ReadOut } from "../engine.ts";

interface ReadOfPass {
  readonly read: Read | undefined;
  /** Where a row of the pass is in the joined one. */
  readonly rowOf: (row: number) => number;
}

interface JoinedReads {
  /** Undefined where nobody reads. */
  readonly read: Read | undefined;
  /** By pass. */
  readonly cut: (readOut: ReadOut | undefined) => readonly (ReadOut | undefined)[];
}

/** Joins what passes read. Those that read have one `topK`, and all want logits, or none does. */
export function joinReads(passes: readonly ReadOfPass[]): JoinedReads {
  const reads = passes.flatMap(({ read }) => read ?? []);
  const [first] = reads;
  if (first === undefined) return { read: undefined, cut: () => passes.map(() => undefined) };
  const { topK, logits = false } = first;
  const isTracked = reads.some(({ tracked }) => tracked !== undefined);
  const at = passes.flatMap(({ read, rowOf }) =>
    (read?.at ?? []).map(({ row, offset }) => ({ row: rowOf(row), offset })),
  );
  const tracked = isTracked
    ? Int32Array.from(reads.flatMap((read) => [...(read.tracked ?? read.at.map(() => 0))]))
    : undefined;
  return {
    read: { at, topK, logits, ...(tracked && { tracked }) },
    cut: (readOut) => {
      let from = 0;
      return passes.map(({ read }) => {
        if (read === undefined || readOut === undefined) return undefined;
        const to = from + read.at.length;
        const part = partOf(readOut, { from, to, read, count: at.length });
        from = to;
        return part;
      });
    },
  };
}

function partOf(
  { topTokens, topLogprobs, trackedLogprobs, logits }: ReadOut,
  of: {
    readonly from: number;
    readonly to: number;
    readonly read: Read;
    /** Places of all passes. */
    readonly count: number;
  },
): ReadOut {
  const { from, to, read, count } = of;
  const { topK } = read;
  const vocabSize = (logits?.length ?? 0) / Math.max(1, count);
  return {
    topTokens: topTokens.slice(from * topK, to * topK),
    topLogprobs: topLogprobs.slice(from * topK, to * topK),
    ...(read.tracked && trackedLogprobs && { trackedLogprobs: trackedLogprobs.slice(from, to) }),
    ...(read.logits === true &&
      logits && { logits: logits.subarray(from * vocabSize, to * vocabSize) }),
  };
}
