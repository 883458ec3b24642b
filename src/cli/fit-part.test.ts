import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { FIXTURES } from "../../tests/support/goldens.ts";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { assert } from "../errors.ts";
import { fitStopped } from "../mapping/errors.ts";
import type { KeptSums } from "../run/fit-mapping.ts";
import { openPart, withPart } from "./fit-part.ts";
import { runCommandLine } from "./program.ts";

const MODEL = join(FIXTURES, "tiny", "llama-gqa");
const FIT = ["--sample", "24", "--layers", "0,1", "--model", MODEL, "--threads", "1"];
const WITH_TOKENIZER = join(FIXTURES, "tiny", "llama-gguf", "model.gguf");

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
  {
    args = FIT,
    more = [],
    stopAt,
  }: {
    readonly args?: readonly string[];
    readonly more?: readonly string[];
    readonly stopAt?: string | undefined;
  } = {},
): Promise<{ readonly status: number; readonly noted: string }> {
  const stop = new AbortController();
  const terminal = recordingTerminal();
  const note = (text: string): void => {
    terminal.note(text);
    if (stopAt !== undefined && text.includes(stopAt)) stop.abort();
  };
  const status = await runCommandLine(["fit", ...args, ...more, "--out", join(folder, name)], {
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

test.each(["Reading the states", "Measuring"])(
  "A fit between two models goes on, stopped at: %s",
  async (stopAt) => {
    const args = [
      ...["--sample", "24", "--model", WITH_TOKENIZER, "--to-model", WITH_TOKENIZER],
      ...["--layers", "0,1", "--to-layers", "1,2", "--ridge", "0.1", "--threads", "1"],
    ];
    await fit("whole", { args });
    expect((await fit("map", { args, stopAt })).noted).toContain("map.part keeps what was read");
    const again = await fit("map", { args });
    expect(again.noted).toContain("Going on from");
    expect(again.noted).not.toContain("Writing texts");
    expect(await readFile(join(folder, "map"))).toEqual(await readFile(join(folder, "whole")));
    expect((await readdir(folder)).toSorted()).toEqual(["map", "whole"]);
  },
);

test.each(["Differentiating", "Measuring"])(
  "A relation goes on, stopped at: %s",
  async (stopAt) => {
    const lines = ["I saw {the cat} sat", "I saw {the dog} sat", "I saw {a cat} sat"];
    const file = join(folder, "texts");
    await writeFile(file, lines.join("\n"));
    const relation = ["--kind", "lre", "--texts", file, "--examples", "2", "--layers", "0,1"];
    const args = [...relation, "--model", WITH_TOKENIZER, "--threads", "1"];
    await fit("whole", { args });
    expect((await fit("map", { args, stopAt })).noted).toContain("map.part keeps what was read");
    expect((await fit("map", { args })).noted).toContain("Going on from");
    expect(await readFile(join(folder, "map"))).toEqual(await readFile(join(folder, "whole")));
    expect((await readdir(folder)).toSorted()).toEqual(["map", "texts", "whole"]);
  },
);

const A = { facts: { of: "a" } };
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
  const part = await openPart(out, A, terminal);
  assert(part, "a file can have a part beside it");
  expect(part.stopped).toBeUndefined();
  await part.onSums(texts)(sums);
  expect(await readdir(folder)).toEqual([]);
  await part.stop(fitStopped(undefined));
  expect((await openPart(out, A, terminal))?.stopped).toEqual({ texts, sums });
  expect((await openPart(out, { facts: { of: "b" } }, terminal))?.stopped).toBeUndefined();
});

test("What fails keeps only what was kept before", async () => {
  const part = await openPart(join(folder, "map"), A, recordingTerminal());
  await part?.onSums(texts)(sums);
  await part?.stop(new Error("a sum may be half done"));
  expect(await readdir(folder)).toEqual([]);
  const onSums = part?.onSums(texts);
  for (let pass = 0; pass < 14; pass++) await onSums?.(sums);
  expect(await readdir(folder)).toEqual([]);
  await onSums?.(sums);
  expect(await readdir(folder)).toEqual(["map.part"]);
});

test("Texts that were written are kept before anything is summed", async () => {
  const out = join(folder, "map");
  const part = await openPart(out, A, recordingTerminal());
  part?.onSums(texts);
  await part?.stop(fitStopped(undefined));
  const { stopped } = (await openPart(out, A, recordingTerminal())) ?? {};
  expect(stopped).toEqual({ texts, sums: { batches: 0, isAll: false, moments: [] } });
});

test("Maps that are ready come back with the sums of the others", async () => {
  const out = join(folder, "map");
  const model = { name: "m", weights: "sha256:01", layers: 2, hiddenSize: 2 };
  const identity = { ...A, mapping: { kind: "scalar-affine", model, site: "resid_post" } } as const;
  const scores = { precision1: 0.1, surprisal: 1 / 3, r2: -0.1, cosine: 0.7 };
  const [factor, bias] = [Float32Array.of(0.1, 2), Float32Array.of(-0, 1e-40)];
  const map = { kind: "scalar-affine", factor, bias } as const;
  const fitted = [{ source: "embedding", target: 1, map, scores }] as const;
  const part = await openPart(out, identity, recordingTerminal());
  await part?.onSums(texts)({ ...sums, fitted });
  await part?.stop(fitStopped(undefined));
  const { stopped } = (await openPart(out, identity, recordingTerminal())) ?? {};
  expect(stopped?.sums).toEqual({ ...sums, fitted });
});

test("What is said of a part is not on the line of a bar, which is taken off the screen", async () => {
  const said: string[] = [];
  const note = (text: string): void => void said.push(text);
  const clear = (): void => void said.push("clear");
  const fit = withPart(
    join(folder, "map"),
    () => Promise.resolve(A),
    {
      context: {
        terminal: { ...recordingTerminal(), note },
        signal: new AbortController().signal,
      },
      progress: { show: () => undefined, clear },
    },
    async (part) => {
      await part?.onSums(texts)(sums);
      throw fitStopped(undefined);
    },
  );
  await expect(fit).rejects.toMatchObject({ code: "aborted" });
  expect(said).toEqual(["clear", expect.stringContaining("keeps what was read")]);
});

test("Beside a device nothing is kept", async () => {
  expect(await openPart("/dev/null", A, recordingTerminal())).toBeUndefined();
});
