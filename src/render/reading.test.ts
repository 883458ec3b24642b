import { expect, test } from "vitest";
import { dependsOnVector, verdictOf } from "./reading.ts";

const UNRELATED = { unpatched: -20, unrelated: [-18, -19] };

test.each([
  ["nothing without evidence", {}, undefined, false],
  ["below the threshold", { evidence: 2.9 }, "the prompt says this anyway", false],
  ["above it", { evidence: 3, logprobUnder: UNRELATED }, "depends on the vector", true],
  [
    "above it, against the prompt alone",
    { evidence: 30, logprobUnder: { unpatched: -20 } },
    "the prompt alone does not say this",
    false,
  ],
  [
    "above it, and above a contrast set",
    { evidence: 5, evidenceContrast: 4, logprobUnder: { unpatched: -20, contrast: [-20] } },
    "is about this source",
    true,
  ],
  [
    "above it, and below a contrast set",
    { evidence: 5, evidenceContrast: 1, logprobUnder: UNRELATED },
    "fits others of its kind",
    true,
  ],
] as const)("A verdict of %s", (_, cell, verdict, depends) => {
  expect(verdictOf(cell)).toBe(verdict);
  expect(dependsOnVector(verdictOf(cell))).toBe(depends);
});
