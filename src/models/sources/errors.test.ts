import { describe, expect, test } from "vitest";

import { fileSystemFailed } from "./errors.ts";

function systemError(code: string, path?: string): Error {
  const facts = { code, syscall: "write", ...(path === undefined ? {} : { path }) };
  return Object.assign(new Error(`${code}: it failed, write`), facts);
}

describe("what the file system refuses", () => {
  test("for want of room says so, and that nothing is lost", () => {
    expect(fileSystemFailed(systemError("ENOSPC"), "/cache/x")).toMatchObject({
      code: "io",
      message: "The disk is full: /cache/x could not be written.",
      hint: expect.stringContaining("it goes on where it stopped") as string,
    });
  });
  test.for(["EACCES", "EROFS", "EPERM"])("with %s names the path and another place", (code) => {
    expect(fileSystemFailed(systemError(code, "/cache/y"))).toMatchObject({
      message: `The cache may not be written: /cache/y (${code}).`,
      hint: expect.stringContaining("set PATCHSCOPES_CACHE and HF_HOME") as string,
    });
  });
  test("otherwise says what the system said", () => {
    expect(fileSystemFailed(systemError("EIO"))).toMatchObject({
      message: "The cache cannot be used: EIO: it failed, write.",
    });
  });
  test("is told from other errors, which are bugs", () => {
    expect(fileSystemFailed(new TypeError("x"))).toBeUndefined();
    expect(fileSystemFailed(Object.assign(new Error("x"), { code: "ERR_X" }))).toBeUndefined();
  });
});
