import { appendFile, mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import type { ReadyCell } from "../run/run-plan.ts";
import { openRunPart, type RunPart } from "./run-part.ts";

let folder = "";
let out = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-part-"));
  out = join(folder, "result.json");
});

function cellOf(index: number, evidence?: number): ReadyCell {
  const output = { next: [], generated: [{ token: index, logprob: -1 }] };
  return { index, output: { ...output, ...(evidence !== undefined && { evidence }) } };
}

async function partOf(terminal = recordingTerminal()): Promise<RunPart> {
  const part = await openRunPart(out, terminal);
  if (part === undefined) throw new Error("there is a place for a part");
  return part;
}

test("what was kept is there again, the later of a cell", async () => {
  const first = await partOf();
  expect(await first.open("key", 4)).toEqual(new Map());
  first.keep([cellOf(0), cellOf(2)]);
  first.keep([cellOf(2, 5)]);
  const terminal = recordingTerminal();
  const second = await partOf(terminal);
  const known = await second.open("key", 4);
  expect(known).toEqual(
    new Map([cellOf(0), cellOf(2, 5)].map((cell) => [cell.index, cell.output])),
  );
  expect(terminal.noted()).toBe(`Going on from ${out}.part: 2 of 4 cells.\n`);
  // What it knows already is not written again.
  const before = await readFile(`${out}.part`, "utf8");
  second.keep(Array.from(known, ([index, output]) => ({ index, output })));
  expect(await readFile(`${out}.part`, "utf8")).toBe(before);
});

test("a line that was cut off is left out", async () => {
  const first = await partOf();
  await first.open("key", 4);
  first.keep([cellOf(0)]);
  await appendFile(`${out}.part`, '{"index":1,"output":{"ne');
  expect([...(await (await partOf()).open("key", 4)).keys()]).toEqual([0]);
});

test("a part of another run is not gone on from", async () => {
  const first = await partOf();
  await first.open("key", 4);
  first.keep([cellOf(0)]);
  const terminal = recordingTerminal();
  const other = await partOf(terminal);
  expect(await other.open("another", 4)).toEqual(new Map());
  expect(terminal.noted()).toContain("starting anew");
});

test("who stops is told how to go on, where there is something to go on from", async () => {
  const terminal = recordingTerminal();
  const part = await partOf(terminal);
  await part.open("key", 4);
  part.stop();
  expect(terminal.noted()).toBe("");
  part.keep([cellOf(3)]);
  part.stop();
  expect(terminal.noted()).toBe(
    `${out}.part keeps 1 of 4 cells: the same command goes on from there.\n`,
  );
  await part.remove();
  expect(await readdir(folder)).toEqual([]);
});

test("beside a device there is no part", async () => {
  expect(await openRunPart("/dev/null", recordingTerminal())).toBeUndefined();
});
