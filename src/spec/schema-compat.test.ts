import { expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { parseSpec } from "./schema.ts";

const specWith = (compat: unknown): unknown => ({
  version: 1,
  source: { model: "m", prompt: "a" },
  target: { prompt: "b" },
  compat,
});

test.each([
  ["pair", "pair"],
  [{ kind: "pair" }, "pair"],
  [{ kind: "pair", padding: { source: 0 } }, "pair"],
  [
    { kind: "pair", padding: { target: 2 } },
    { kind: "pair", padding: { source: 0, target: 2 } },
  ],
])("%j is %j", (written, compat) => {
  expect(parseSpec(specWith(written)).compat).toEqual(compat);
});

test.each([
  ["pear", 'compat: expected pair, got "pear"'],
  [2, "compat: expected pair or {kind: pair, padding: {source, target}}, got 2"],
  [{ padding: { target: 2 } }, "compat.kind: missing: expected pair"],
  [{ kind: "pair", padding: { target: -1 } }, "compat.padding.target: expected at least 0, got -1"],
  [
    { kind: "pair", padding: { left: 1 } },
    "compat.padding.left: unknown key, expected one of source, target",
  ],
])("%j is refused", (written, issue) => {
  expect(issueLines(() => parseSpec(specWith(written)))).toEqual([issue]);
});
