/** The command as a process of its own: what only streams and exit statuses show. Needs `npm run build`. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

interface Ending {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs it; `closeAfter` characters the reader goes away. */
function patchscopes(args: readonly string[], closeAfter = Infinity): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (out.length >= closeAfter) child.stdout.destroy();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
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
  const ended = await patchscopes(["inspect", "--help"], 1);
  expect(ended).toMatchObject({ status: 0, err: "" });
});
