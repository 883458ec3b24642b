/**
 * The fixture's cells as specs. Cells with the same prompts, site and written position share a spec whose source
 * positions and layers are axes: they run in one batch, with the other cells of the product beside them.
 * Several writes of one cell become `patches`.
 */
import type { CellRecord } from "../../src/result/result.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import type { PatchscopeSpec } from "../../src/spec/spec.ts";
import { REAL_MODEL } from "../support/real-model.ts";
import {
  SMOLLM2,
  type FixtureCell,
  type FixtureEvidence,
  type FixturePrompt,
} from "./smollm2-fixture.ts";

/** A spec and what the fixture has of its result. */
export interface FixtureSpec {
  readonly title: string;
  readonly spec: PatchscopeSpec;
  readonly cells: readonly FixtureCell[];
  /** What the target prompt says without a patch. */
  readonly unpatched: FixtureCell | undefined;
}

/** Specs that together run every cell of the fixture, the unpatched ones too. */
export function fixtureSpecs(): readonly FixtureSpec[] {
  const unpatched = SMOLLM2.cells.filter(isUnpatched);
  const specs = groupsOf(SMOLLM2.cells.filter((cell) => !isUnpatched(cell))).map((cells) => ({
    ...patchedSpec(cells),
    unpatched: unpatched.find((cell) => sayTarget(cell) === sayTarget(cells[0])),
  }));
  const left = unpatched.filter((cell) => specs.every((spec) => spec.unpatched !== cell));
  return [...specs, ...left.map(unpatchedSpec)];
}

/** The evidence of a cell, where the fixture has it. */
export function evidenceOfCell(cell: FixtureCell): FixtureEvidence | undefined {
  return SMOLLM2.evidence.find((entry) => SMOLLM2.cells[entry.cell] === cell);
}

/** The record of a fixture's cell among those of a result. */
export function recordOf(
  cell: FixtureCell,
  records: readonly CellRecord[],
): CellRecord | undefined {
  const wanted = cell.writes.map(sayWrite).join();
  return records.find(
    (record) => ("writes" in record ? record.writes : [record]).map(sayWrite).join() === wanted,
  );
}

// Rows beside one another cost little, up to about this many.
const MAX_ROWS = 16;
/** The fixture's, in whatever language the source is. */
const CONTROLS = [
  "unpatched",
  { kind: "unrelated", prompts: SMOLLM2.controls.map(({ prompt }) => prompt) },
];

/** Cells that run together: those that are one spec with lists of source positions and of layers. */
function groupsOf(cells: readonly FixtureCell[]): readonly (readonly FixtureCell[])[] {
  const groups: FixtureCell[][] = [];
  for (const cell of cells) {
    const group = groups.find((one) => isOneSpec([...one, cell]));
    if (group === undefined) groups.push([cell]);
    else group.push(cell);
  }
  return groups;
}

function isOneSpec(cells: readonly FixtureCell[]): boolean {
  const { source, target } = axesOf(cells);
  const kinds = cells.map((cell) =>
    [
      cell.source?.prompt,
      sayTarget(cell),
      ...cell.writes.map((write) => [write.site, write.target.position]),
    ].join("\n"),
  );
  return (
    cells.every(({ writes }) => writes.length === 1) &&
    new Set(kinds).size === 1 &&
    source.positions.length * source.layers.length * target.layers.length <= MAX_ROWS
  );
}

/** What each side's places are made of, each once. */
function axesOf(cells: readonly FixtureCell[]): Record<Side, Axes> {
  const writes = cells.flatMap((cell) => cell.writes);
  const axes = (side: Side): Axes => ({
    positions: [...new Set(writes.map((write) => write[side].position))],
    layers: [...new Set(writes.map((write) => write[side].layer))],
  });
  return { source: axes("source"), target: axes("target") };
}

interface Axes {
  readonly positions: readonly number[];
  readonly layers: readonly FixturePlace["layer"][];
}

function patchedSpec(cells: readonly FixtureCell[]): Omit<FixtureSpec, "unpatched"> {
  const writes = cells.flatMap((cell) => cell.writes);
  const isSweep = cells.every((cell) => cell.writes.length === 1);
  const spec = parseSpec({
    version: 1,
    source: isSweep ? sweptSide("source", cells) : patchedSide("source", cells),
    target: isSweep ? sweptSide("target", cells) : patchedSide("target", cells),
    ...(isSweep ? {} : { patches: writes.map(({ source, target }) => ({ source, target })) }),
    read: readOf(cells[0]),
    controls: cells.some(evidenceOfCell) ? CONTROLS : ["unpatched"],
  });
  const title = `${sayPrompt(cells[0]?.source)} into ${sayPrompt(cells[0]?.target)}, ${cells.map(sayCell).join("; ")}`;
  return { title, spec, cells };
}

/** A state written back where it came from stands for no patch: a spec cannot go without one. */
function unpatchedSpec(cell: FixtureCell): FixtureSpec {
  const spec = parseSpec({
    version: 1,
    source: { model: REAL_MODEL, ...promptFields(cell.target), layer: 12 },
    target: { prompt: "same" },
    read: readOf(cell),
    controls: ["unpatched"],
  });
  return { title: `${sayPrompt(cell.target)} unpatched`, spec, cells: [], unpatched: cell };
}

type Side = "source" | "target";

/** Texts or messages; positions and layers as axes. */
function sweptSide(side: Side, cells: readonly FixtureCell[]): object {
  const { positions, layers } = axesOf(cells)[side];
  return {
    ...modelOf(side),
    ...promptFields(cells[0]?.[side]),
    position: positions,
    layer: layers,
    site: cells[0]?.writes[0]?.site,
  };
}

/** Token ids as given; positions and layers are those of `patches`. */
function patchedSide(side: Side, cells: readonly FixtureCell[]): object {
  const [cell] = cells;
  return { ...modelOf(side), tokens: cell?.[side]?.tokens, site: cell?.writes[0]?.site };
}

function modelOf(side: Side): object {
  return side === "source" ? { model: REAL_MODEL } : {};
}

function promptFields(prompt: FixturePrompt | null | undefined): object {
  return prompt?.messages === undefined
    ? { prompt: prompt?.prompt }
    : { messages: prompt.messages };
}

function readOf(cell: FixtureCell | undefined): object {
  return { kind: "generate", maxTokens: cell?.maxTokens, ignoreEos: cell?.ignoreEos };
}

function isUnpatched(cell: FixtureCell): boolean {
  return cell.source === null;
}

/** What a cell has in common with the unpatched one: the target prompt and how long it may go on. */
function sayTarget(cell: FixtureCell | undefined): string {
  return [cell?.target.prompt, cell?.maxTokens, cell?.ignoreEos].join("\n");
}

function sayPrompt(prompt: FixturePrompt | null | undefined): string {
  const text = prompt?.messages?.at(-1)?.content ?? prompt?.prompt ?? "";
  return JSON.stringify(text.length > 24 ? `${text.slice(0, 24)}…` : text);
}

/** A cell's writes in words, for titles and failures. */
export function sayCell(cell: FixtureCell): string {
  const { site } = cell.writes[0] ?? {};
  const mode = cell.ignoreEos ? " past the end" : "";
  return `${site ?? "unpatched"} ${cell.writes.map(sayWrite).join(" and ")}${mode}`;
}

function sayWrite({ source, target }: Record<Side, Readonly<FixturePlace>>): string {
  return `${source.position}.${source.layer} → ${target.position}.${target.layer}`;
}

interface FixturePlace {
  readonly position: number;
  readonly layer: number | "embedding";
}
