import { spawnSync } from "node:child_process";
import { readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { makeSandbox, type Sandbox } from "../../../tests/fixtures/sources/sandbox.ts";
import { claimPartial, releasePartial } from "./partial.ts";

let box: Sandbox;
let destination: string;
beforeEach(async () => {
  box = await makeSandbox();
  destination = join(box.root, "blob");
});
afterEach(() => box.remove());

/** A piece as a process that was killed leaves it. */
async function leftByDeadProcess(content: string): Promise<string> {
  const dead = spawnSync(process.execPath, ["-e", "0"]).pid;
  const mine = await claimPartial(join(box.root, "other"));
  const name = basename(mine).replace("other", "blob").replace(`-${process.pid}-`, `-${dead}-`);
  await writeFile(join(box.root, name), content);
  return join(box.root, name);
}

test("the largest piece of a dead process is taken over, the others are removed", async () => {
  await leftByDeadProcess("ab");
  await leftByDeadProcess("abcd");
  await leftByDeadProcess("abc");
  const partial = await claimPartial(destination);
  expect(await readFile(partial, "utf8")).toBe("abcd");
  expect(await readdir(box.root)).toEqual([basename(partial)]);
});

test("a piece that somebody works on is left alone", async () => {
  const theirs = await claimPartial(destination);
  await writeFile(theirs, "theirs");
  const mine = await claimPartial(destination);
  expect(mine).not.toBe(theirs);
  expect(await readdir(box.root)).toEqual([basename(theirs)]);
});

test("a piece of another machine is taken over once nothing has come to it for long", async () => {
  const piece = await leftByDeadProcess("abc");
  const other = piece.replace(/patchscopes-[0-9a-f]{8}/, "patchscopes-ffffffff");
  await rename(piece, other);
  await claimPartial(destination);
  expect(await readdir(box.root)).toEqual([basename(other)]);
  await utimes(other, 0, 0);
  expect(await readFile(await claimPartial(destination), "utf8")).toBe("abc");
});

test("what one caller releases the next one goes on with, and only one of them", async () => {
  const partial = await claimPartial(destination);
  await writeFile(partial, "abc");
  await releasePartial(partial);
  const both = await Promise.all([claimPartial(destination), claimPartial(destination)]);
  const contents = await Promise.all(
    both.map((each) => readFile(each, "utf8").catch(() => undefined)),
  );
  expect(contents.filter((content) => content === "abc")).toHaveLength(1);
});

test("an empty piece is not kept", async () => {
  const partial = await claimPartial(destination);
  await writeFile(partial, "");
  await releasePartial(partial);
  expect(await readdir(box.root)).toEqual([]);
});

test("incomplete files of other tools are left alone", async () => {
  await writeFile(`${destination}.incomplete`, "x");
  await writeFile(`${destination}.1a2b3c4d.incomplete`, "x");
  await claimPartial(destination);
  expect(await readdir(box.root)).toHaveLength(2);
});
