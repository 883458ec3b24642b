import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PatchscopesError, specInvalid } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

/** Complete by its type: a new code does not compile until it stands here. */
const statuses: Readonly<Record<ErrorCode, 1 | 2 | 130>> = {
  "spec-invalid": 2,
  usage: 2,
  "model-unknown": 1,
  "model-unreadable": 1,
  "model-unsupported": 1,
  "download-failed": 1,
  offline: 1,
  io: 1,
  engine: 1,
  aborted: 130,
};

function isCode(name: string): name is ErrorCode {
  return name in statuses;
}

test("every code has its section in docs/errors.md, with symptom, cause and fix, and no other has one", () => {
  const [, ...sections] = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8").split(
    /^## /mu,
  );
  expect(sections.map((section) => section.split("\n")[0]).sort()).toEqual(
    Object.keys(statuses).sort(),
  );
  for (const section of sections) {
    expect(section.match(/^- \*\*(Symptom|Cause|Fix)\.\*\*/gmu)).toHaveLength(3);
  }
});

test("the code decides the exit status", () => {
  for (const code of Object.keys(statuses).filter(isCode)) {
    expect(new PatchscopesError({ code, message: "" }).exitStatus).toBe(statuses[code]);
  }
});

test("several issues are one error with a line each and the first hint", () => {
  const error = specInvalid([
    { code: "missing", path: ["source", "model"], message: "missing" },
    { code: "wrong-value", path: [], message: "expected a spec", hint: "Write one." },
  ]);
  expect(error.message).toBe("source.model: missing\nexpected a spec");
  expect(error).toMatchObject({ code: "spec-invalid", hint: "Write one." });
  expect(error.issues).toHaveLength(2);
});
