import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseHubId } from "./hub-id.ts";

describe("a Hub id", () => {
  test("is an owner and a name", () => {
    expect(parseHubId("owner/name-1.5B_x")).toEqual({
      repo: "owner/name-1.5B_x",
      file: undefined,
      revision: "main",
      name: "owner/name-1.5B_x",
    });
  });
  test("may name a revision, with slashes in it", () => {
    expect(parseHubId("owner/name@refs/pr/1")).toMatchObject({
      repo: "owner/name",
      revision: "refs/pr/1",
    });
  });
  test("may name a GGUF file, in a folder too", () => {
    expect(parseHubId("owner/name/sub/m.Q4_0.gguf@v1")).toMatchObject({
      repo: "owner/name",
      file: "sub/m.Q4_0.gguf",
      revision: "v1",
    });
  });
  test.for([
    "gpt2",
    "./owner/name",
    "/owner/name",
    "owner/name/",
    "owner/name/config.json",
    "models/tiny.gguf",
    "owner/../name",
    "owner/name/../../x.gguf",
    "owner/name@../../x",
    "owner/name@",
    "owner/na me",
    "a--b/c",
  ])("is not %s", (name) => {
    expect(parseHubId(name)).toBeUndefined();
  });
  test("never leads out of a folder, whatever is written", () => {
    const text = fc.array(fc.constantFrom("a", "B", ".", "..", "/", "@", ".gguf", "-", "\\"));
    fc.assert(
      fc.property(text, (parts) => {
        const id = parseHubId(parts.join(""));
        if (id === undefined) return;
        for (const part of [id.repo, id.file ?? "", id.revision]) {
          expect(part.split(/[/\\]/)).not.toContain("..");
          expect(part.startsWith("/")).toBe(false);
        }
      }),
    );
  });
});
