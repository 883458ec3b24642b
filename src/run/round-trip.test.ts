import { expect, test } from "vitest";
import { bareText } from "./round-trip.ts";

test.each([
  [": American politician", "American politician"],
  [" yen.\n", "yen."],
  [", - : x", "x"],
  ["한국의 도시", "한국의 도시"],
  [" :,.", ""],
])("What %j says is %j", (text, bare) => {
  expect(bareText(text)).toBe(bare);
});
