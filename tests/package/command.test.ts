/** The command as a process of its own: what only streams and exit statuses show. Needs `npm run build`. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ANIMALS, linesOf, useSweepFolder } from "../support/sweep-command.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

interface Ending {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Reading {
  /** The reader of standard output goes away after so many characters. */
  readonly closeAfter?: number;
  /** The readers of both streams go away with the first word on standard error, as of `2>&1 | head -1`. */
  readonly isClosedByNote?: boolean;
}

/** Runs it. */
function patchscopes(
  args: readonly string[],
  { closeAfter = Infinity, isClosedByNote = false }: Reading = {},
): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (out.length >= closeAfter) child.stdout.destroy();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
      if (!isClosedByNote) return;
      child.stderr.destroy();
      child.stdout.destroy();
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

test("an answer goes to standard output with status 0, an error to standard error with its own", async () => {
  const version = await patchscopes(["--version"]);
  expect(version).toMatchObject({ status: 0, err: "" });
  const wrong = await patchscopes(["run", "missing.yaml"]);
  expect(wrong).toMatchObject({ status: 2, out: "" });
  expect(wrong.err).toMatch(/^error: .*\nhint: .*\n$/u);
});

test("a reader that goes away is no failure", async () => {
  const ended = await patchscopes(["inspect", "--help"], { closeAfter: 1 });
  expect(ended).toMatchObject({ status: 0, err: "" });
});

describe("where the output is a file", () => {
  const folder = useSweepFolder();

  test("work goes on when nobody reads what is said beside it", async () => {
    const out = folder.path("all.jsonl");
    const samples = await folder.animals();
    const args = ["sweep", folder.spec(), "--samples", samples, "--out", out, "--threads", "1"];
    const ended = await patchscopes(args, { isClosedByNote: true });
    expect(ended.err).not.toBe("");
    expect(ended.status).toBe(0);
    expect(linesOf(await readFile(out, "utf8"))).toHaveLength(ANIMALS.length);
  });
});
