/**
 * What a plan costs and what it saves, as numbers and as text. The unit is the block-row: one token of one row
 * through one block.
 */
import { groupCells } from "./group-cells.ts";
import { isContrasted, rowsPerCell } from "./reads.ts";
import type { Plan, PlannedCell, PlannedModel, PlannedOther, PlannedPrompt } from "./plan.ts";

/** A plan's work. Decoding is an upper bound: rows stop at an end-of-sequence token. */
export interface PlanStatistics {
  readonly cells: number;
  readonly passes: {
    readonly source: number;
    readonly target: number;
    readonly rows: number;
    readonly decode: number;
  };
  /** Tokens that all rows have together. */
  readonly rowTokens: number;
  readonly blockRows: {
    readonly source: number;
    readonly target: number;
    readonly rows: number;
    /** All of them together. */
    readonly total: number;
    /** Each cell with a run of the whole source and the whole target of its own. */
    readonly naive: number;
    /** At most this, beside the total and the naive way's alike. */
    readonly decode: number;
  };
  readonly controls: {
    readonly unpatched: boolean;
    readonly sentences: number;
    readonly contrast: number;
    /** At most: equal texts are scored once. */
    readonly scoredTexts: number;
  };
}

/** Counts a plan's passes, rows and block-rows. */
export function planStatistics(plan: Plan): PlanStatistics {
  const { layers } = plan.shape;
  const source =
    plan.source.file === undefined
      ? plan.source.tokens.length * (plan.models?.source.layers ?? layers)
      : 0;
  const target = plan.target.tokens.length * layers;
  const lengthOf = (cell: PlannedCell): number => plan.target.tokens.length - cell.from;
  const rows = sum(plan.cells, (cell) => lengthOf(cell) * (layers - cell.entry));
  const groups = groupCells(plan).length;
  const steps = plan.read.kind === "generate" ? plan.read.maxTokens - 1 : 0;
  const cells = plan.cells.length;
  const { unpatched, unrelated, contrast, mean, random } = plan.controls;
  const vectors = random + (mean.length > 0 ? 1 : 0);
  return {
    cells,
    passes: {
      source: plan.source.file === undefined ? 1 : 0,
      target: 1,
      rows: groups,
      decode: groups * steps,
    },
    rowTokens: sum(plan.cells, lengthOf),
    blockRows: {
      source,
      target,
      rows,
      total: source + target + rows,
      naive: cells * (source + target),
      decode: cells * steps * layers * rowsPerCell(plan),
    },
    controls: {
      unpatched,
      sentences: unrelated.length,
      contrast: contrast.length,
      scoredTexts: cells * (unrelated.length + contrast.length + vectors),
    },
  };
}

/** A plan as text: what runs, what is shared, and what that saves against running cell by cell. */
export function explain(plan: Plan): string {
  const statistics = planStatistics(plan);
  const { blockRows } = statistics;
  const times = blockRows.naive / blockRows.total;
  const shared = plan.cells.reduce((from, cell) => Math.min(from, cell.from), Infinity);
  if (plan.read.kind === "neighbours") {
    return [
      `${counted(statistics.cells, "cell")} in a model of ${counted(plan.shape.layers, "layer")}.`,
      `Source: ${promptLine(plan.source)}, run once; ${readStates(plan)}.`,
      "Target: not run.",
      `Read: ${readLine(plan, statistics)}.`,
      ...plan.warnings.map(({ message }) => `Warning: ${message}`),
    ].join("\n");
  }
  const lines = [
    `${counted(statistics.cells, "cell")} in ${modelsLine(plan)}.`,
    `Source: ${sourceLine(plan)}.`,
    ...namedLines(plan),
    `Target: ${promptLine(plan.target)}, run once without a patch; all cells share ${counted(shared, "token")} of that run.`,
    ...replacementLines(plan),
    ...knockoutLines(plan),
    `Rows: ${rowsLine(plan, statistics)}.`,
    `Work: ${counted(blockRows.total, "block-row")} (source ${amount(blockRows.source)}, target ${amount(blockRows.target)}, rows ${amount(blockRows.rows)}); cell by cell it is ${amount(blockRows.naive)}, ${times.toFixed(1)} times as much.`,
    `Read: ${readLine(plan, statistics)}.`,
    `Controls: ${controlsLine(plan, statistics)}.`,
    ...plan.warnings.map(({ message }) => `Warning: ${message}`),
  ];
  return lines.join("\n");
}

function modelsLine({ models, shape }: Plan): string {
  if (models === undefined) return `a model of ${counted(shape.layers, "layer")}`;
  const of = ({ name, layers }: PlannedModel): string => `${name} (${counted(layers, "layer")})`;
  return `${of(models.target)}, of states of ${of(models.source)}`;
}

// Enough to see what the tokenizer or the chat template put before the text.
const FIRST_PIECES = 4;

/** How many tokens, and which come first and last: what a tokenizer adds is seen here. */
function promptLine({ tokens, pieces }: PlannedPrompt): string {
  const shown =
    pieces.length <= FIRST_PIECES + 2
      ? pieces
      : [...pieces.slice(0, FIRST_PIECES), "…", ...pieces.slice(-1)];
  const escaped = shown.map((piece) => JSON.stringify(piece).slice(1, -1));
  return `${counted(tokens.length, "token")} (${escaped.join("|")})`;
}

function sourceLine(plan: Plan): string {
  const { file } = plan.source;
  const positions = counted(plan.source.positions.length, "position");
  return file === undefined
    ? `${promptLine(plan.source)}, run once; ${readStates(plan)}`
    : `vectors of ${file.file}${file.item === undefined ? "" : `, item ${file.item}`}, from ${positions}; nothing is run for them`;
}

/** The sources that the mapping names, where it names any. */
function namedLines({ sources }: Plan): readonly string[] {
  if (sources.length === 0) return [];
  const files = sources.filter(({ file }) => file !== undefined).length;
  const runs = sources.length - files;
  const parts = [
    ...(runs > 0 ? [`${counted(runs, "named source")}, each run once`] : []),
    ...(files > 0 ? [counted(files, "named file of vectors", "named files of vectors")] : []),
  ];
  return [`Mapping: with ${parts.join(" and ")}.`];
}

function readStates({ capture, source }: Plan): string {
  const states = counted(capture.states.length, "hidden state");
  return `${states} read at ${counted(source.positions.length, "position")}`;
}

// More than fit a line are counted.
const MAX_LISTED = 8;

/** What is cut in the target's run, where anything is. */
function placesOf(places: readonly number[], one: string): string {
  if (places.length > MAX_LISTED) return counted(places.length, one);
  return `${one}${places.length === 1 ? "" : "s"} ${places.join(", ")}`;
}

/** Soft prompts, noise and ablations, where there are any. */
function replacementLines(plan: Plan): readonly string[] {
  const { softPrompts, noise, ablations, cells, shape } = plan;
  const ablated = ablations.map(({ site, layers, positions, with: what }) => {
    const where = layers.length === shape.layers ? "all layers" : placesOf(layers, "layer");
    const how = what === "zero" ? "zeros" : "means";
    return `Ablated: ${site} at ${placesOf(positions, "position")}, in ${where}, with ${how}.`;
  });
  const own = cells.filter((cell) => cell.own !== undefined).length;
  return [
    ...softPrompts.map(
      ({ file, positions }) =>
        `Soft prompt: ${file.file} as the embeddings at ${placesOf(positions, "position")}.`,
    ),
    ...(noise
      ? [
          `Noise: on the embeddings at ${placesOf(noise.positions, "position")}, ${noise.scale} standard deviations, ${counted(noise.samples, "sample")}; all target runs once for each.`,
        ]
      : []),
    ...ablated,
    ...(own > 0 ? [`Swept: ${counted(own, "cell")} with an intervention of its own.`] : []),
  ];
}

function knockoutLines({ knockouts, cells, shape }: Plan): readonly string[] {
  const cut = knockouts.map(({ layers, from, to }) => {
    const who = from === "all" ? "all tokens" : placesOf(from, "position");
    const where = layers.length === shape.layers ? "all layers" : placesOf(layers, "layer");
    return `Knocked out: attention from ${who} to ${placesOf(to, "position")}, in ${where}.`;
  });
  if (cells.some(({ isOverwriting }) => isOverwriting)) {
    return [
      ...cut,
      "Overwritten: keys and values of patched tokens, in blocks that have not read the vector yet.",
    ];
  }
  const hiding = cells.some(({ hidden }) => hidden.length > 0);
  return hiding
    ? [...cut, "Hidden: patched tokens, in blocks that have not read the vector yet."]
    : cut;
}

function rowsLine(plan: Plan, { cells, passes, rowTokens }: PlanStatistics): string {
  const rows = counted(cells, "row");
  const tokens = counted(rowTokens, "token");
  const entries = plan.cells.map((cell) => cell.entry);
  const first = entries.reduce((a, b) => Math.min(a, b), Infinity);
  const last = entries.reduce((a, b) => Math.max(a, b), 0);
  const { layers } = plan.shape;
  const where = (entry: number): string => (entry === layers ? "the read-out" : `block ${entry}`);
  const joining =
    first === last
      ? `joining the stack at ${where(first)}`
      : `joining the stack from ${where(first)} to ${where(last)}, each where its patch begins to matter`;
  return `${rows}, ${tokens} together, in ${counted(passes.rows, "pass", "passes")}; ${joining}`;
}

function readLine({ read, shape }: Plan, { passes, blockRows }: PlanStatistics): string {
  if (read.kind === "neighbours") {
    return `the ${amount(read.topK)} nearest of ${amount(shape.vocabSize)} rows of the ${read.of} embedding`;
  }
  if (read.kind === "propagation") {
    return "what each row changes behind every later block, at every token from its first patch on";
  }
  if (read.kind === "next-token") return `the ${amount(read.topK)} most probable next tokens`;
  const tokens = `up to ${counted(read.maxTokens, "token")} a cell${stopWords(read.stop)}${isContrasted({ read }) ? ", chosen against what the target says without the patch" : ""}`;
  if (passes.decode === 0) return tokens + readBackWords({ read });
  return `${tokens}, in at most ${counted(passes.decode, "decode step")} (${counted(blockRows.decode, "block-row")})${readBackWords({ read })}`;
}

function readBackWords({ read }: Pick<Plan, "read">): string {
  const isRoundTrip = read.kind === "generate" && read.roundTrip === true;
  return isRoundTrip ? "; each different text is read back in" : "";
}

function stopWords(stop: readonly string[] = []): string {
  const texts = stop.map((text) => JSON.stringify(text));
  return texts.length === 0 ? "" : `, or to ${texts.join(" or ")}`;
}

function othersWords(others: readonly PlannedOther[]): string {
  const isOfFile = others.some((other) => !("prompt" in other));
  return isOfFile
    ? `${counted(others.length, "other vector")} of the file`
    : counted(others.length, "unrelated sentence");
}

function controlsLine(plan: Plan, { cells, controls }: PlanStatistics): string {
  const { unrelated, mean, random, textOnly } = plan.controls;
  const vectors = [
    ...(unrelated.length > 0 ? [othersWords(unrelated)] : []),
    ...(controls.contrast > 0 ? [`${counted(controls.contrast, "source")} to contrast with`] : []),
    ...(mean.length > 0 ? [`the mean of ${othersWords(mean)}`] : []),
    ...(random > 0 ? [counted(random, "random vector")] : []),
  ];
  const parts = [
    ...(controls.unpatched ? ["the target prompt without a patch"] : []),
    ...(textOnly
      ? [
          `${textOnly.positions.length === 0 ? "a text without a vector" : "the source's text in place of the vector"} (${counted(textOnly.tokens.length, "token")})`,
        ]
      : []),
    ...(vectors.length > 0
      ? [
          `${listed(vectors)}, each against at most ${counted(cells, "text")} (${amount(controls.scoredTexts)} scored)`,
        ]
      : []),
  ];
  return parts.length === 0 ? "none" : parts.join("; ");
}

function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(", ")} and ${last}`;
}

function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${amount(count)} ${count === 1 ? noun : plural}`;
}

function amount(count: number): string {
  return count.toLocaleString("en-US");
}

function sum(cells: readonly PlannedCell[], of: (cell: PlannedCell) => number): number {
  return cells.reduce((total, cell) => total + of(cell), 0);
}
