import { expect, test } from "vitest";
import { nearestName } from "./near-name.ts";

const KNOWN = ["position", "prompt", "maxTokens", "resid_post", "resid_pre"];

test("A slip of the fingers finds the name that was meant", () => {
  expect(nearestName("postion", KNOWN)).toBe("position");
  expect(nearestName("pormpt", KNOWN)).toBe("prompt");
  expect(nearestName("positions", KNOWN)).toBe("position");
});

test("Case, hyphens and underscores do not count", () => {
  expect(nearestName("max_tokens", KNOWN)).toBe("maxTokens");
  expect(nearestName("ResidPost", KNOWN)).toBe("resid_post");
});

test("The nearest of several near names wins", () => {
  expect(nearestName("resid_pra", KNOWN)).toBe("resid_pre");
});

test("Names that have little in common find nothing", () => {
  expect(nearestName("temperature", KNOWN)).toBeUndefined();
  expect(nearestName("", KNOWN)).toBeUndefined();
  expect(nearestName("position".repeat(50), KNOWN)).toBeUndefined();
});
