import { describe, expect, test } from "vitest";
import { plainConsensus } from "./plain-consensus.ts";

describe("the plain rule", () => {
  test("ranks words by their share here less their share elsewhere", () => {
    const words = plainConsensus({
      source: ["the yen is here", "a yen, a dollar"],
      others: [["the dollar is here"], ["a dollar"]],
      name: "Japan",
    });
    expect(words[0]).toBe("yen");
    expect(words.at(-1)).toBe("dollar");
  });

  test("leaves out words that begin like the name, where there is one", () => {
    const request = { source: ["Japanese yen"], others: [["euro"]] };
    expect(plainConsensus({ ...request, name: "Japan" })).toEqual(["yen"]);
    expect(plainConsensus({ ...request, name: undefined })).toEqual(["japanese", "yen"]);
  });
});
