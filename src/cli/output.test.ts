import { mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { openOutput } from "./output.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "patchscopes-output-"));
});

test("a file appears whole, and nothing else with it", async () => {
  const path = join(folder, "result.json");
  const output = await openOutput(path, recordingTerminal());
  expect(await readdir(folder)).toEqual([]);
  await output.writeText("{}");
  expect(await readdir(folder)).toEqual(["result.json"]);
  expect(await readFile(path, "utf8")).toBe("{}\n");
});

test("an existing file is kept until the new one is there", async () => {
  const path = join(folder, "result.json");
  await writeFile(path, "old");
  const output = await openOutput(path, recordingTerminal());
  expect(await readFile(path, "utf8")).toBe("old");
  await output.write([new Uint8Array([97]), new Uint8Array([98])]);
  expect(await readFile(path, "utf8")).toBe("ab");
});

test("a link stays a link", async () => {
  await writeFile(join(folder, "file"), "old");
  await symlink(join(folder, "file"), join(folder, "link"));
  await (await openOutput(join(folder, "link"), recordingTerminal())).writeText("new");
  expect(await readFile(join(folder, "file"), "utf8")).toBe("new\n");
});

test.each([
  ["in a folder that is not there", "missing/result.json", "there is no such file or folder"],
  ["that is a folder", ".", "it is a folder"],
  ["below a file", "file/result.json", "a part of its path is no folder"],
])("a place %s is refused at once", async (_, name, reason) => {
  await writeFile(join(folder, "file"), "");
  const path = join(folder, name);
  await expect(openOutput(path, recordingTerminal())).rejects.toMatchObject({
    code: "io",
    exitStatus: 1,
    message: `Cannot write ${path}: ${reason}.`,
  });
  expect(await readdir(folder)).toEqual(["file"]);
});

test("without a file, or with -, it goes to standard output", async () => {
  for (const path of [undefined, "-"]) {
    const terminal = recordingTerminal();
    await (await openOutput(path, terminal)).writeText("text");
    expect(terminal.printed()).toBe("text\n");
  }
});
