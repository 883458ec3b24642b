import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { FIXTURES } from "../../tests/support/goldens.ts";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { assert } from "../errors.ts";
import { fitStopped } from "../mapping/errors.ts";
import type { KeptSums } from "../run/fit-mapping.ts";
import { openPart } from "./fit-part.ts";
import { runCommandLine } from "./program.ts";

const MODEL = join(FIXTURES, "tiny", "llama-gqa");
const FIT = ["--sample", "24", "--layers", "0,1", "--model", MODEL, "--threads", "1"];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-part-"));
});

afterEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name));
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs a fit, and stops it when standard error says this. */
async function fit(
  name: string,
  { more = [], stopAt }: { readonly more?: readonly string[]; readonly stopAt?: string } = {},
): Promise<{ readonly status: number; readonly noted: string }> {
  const stop = new AbortController();
  const terminal = recordingTerminal();
  const note = (text: string): void => {
    terminal.note(text);
    if (stopAt !== undefined && text.includes(stopAt)) stop.abort();
  };
  const status = await runCommandLine(["fit", ...FIT, ...more, "--out", join(folder, name)], {
    terminal: { ...terminal, note },
    signal: stop.signal,
  });
  return { status, noted: terminal.noted() };
}

test("A stopped fit keeps what it read, and the same command makes the same file from it", async () => {
  await fit("whole");
  const stopped = await fit("map", { stopAt: "Measuring" });
  expect(stopped.status).toBe(130);
  expect(stopped.noted).toContain("map.part keeps what was read: the same command goes on from it");
  expect((await readdir(folder)).toSorted()).toEqual(["map.part", "whole"]);
  const again = await fit("map");
  expect(again.noted).toContain("Going on from");
  expect(again.noted).not.toContain("Writing texts");
  expect(await readFile(join(folder, "map"))).toEqual(await readFile(join(folder, "whole")));
  expect((await readdir(folder)).toSorted()).toEqual(["map", "whole"]);
});

test("Other options start anew, and say so", async () => {
  const more = ["--ridge", "0.5"];
  await fit("whole", { more });
  await fit("map", { stopAt: "Measuring" });
  const other = await fit("map", { more });
  expect(other.noted).toContain("map.part is of another fit, with other options or texts");
  expect(await readFile(join(folder, "map"))).toEqual(await readFile(join(folder, "whole")));
  expect((await readdir(folder)).toSorted()).toEqual(["map", "whole"]);
});

const texts = [
  [1, 2, 3],
  [4, 5],
];
const sums: KeptSums = {
  batches: 3,
  isAll: false,
  moments: [
    { states: 7, sums: [Float64Array.of(0.1, -2e300), Float64Array.of(NaN)] },
    { states: 0, sums: [new Float64Array(0), Float64Array.of(5e-324)] },
  ],
};

test("Sums come back bit by bit, once somebody stops the fit between two batches", async () => {
  const out = join(folder, "map");
  const terminal = recordingTerminal();
  const part = await openPart(out, "a", terminal);
  assert(part, "a file can have a part beside it");
  expect(part.stopped).toBeUndefined();
  await part.onSums(texts)(sums);
  expect(await readdir(folder)).toEqual([]);
  await part.stop(fitStopped(undefined));
  expect((await openPart(out, "a", terminal))?.stopped).toEqual({ texts, sums });
  expect((await openPart(out, "b", terminal))?.stopped).toBeUndefined();
});

test("What fails keeps only what was kept before", async () => {
  const part = await openPart(join(folder, "map"), "a", recordingTerminal());
  await part?.onSums(texts)(sums);
  await part?.stop(new Error("a sum may be half done"));
  expect(await readdir(folder)).toEqual([]);
  await part?.onSums(texts)({ ...sums, batches: 16 });
  expect(await readdir(folder)).toEqual(["map.part"]);
});

test("Beside a device nothing is kept", async () => {
  expect(await openPart("/dev/null", "a", recordingTerminal())).toBeUndefined();
});
