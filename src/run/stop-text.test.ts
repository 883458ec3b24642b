import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stoppedText } from "./stop-text.ts";

const PIECES = ["one", " two", ".", "\n", "\n\n", "#", "##", " a##b", "é", ""];

function decode(tokens: readonly number[]): string {
  return tokens.map((token) => PIECES[token] ?? "").join("");
}

function stopped(tokens: readonly number[], ...stops: readonly string[]): unknown {
  return stoppedText(tokens, stops, decode);
}

describe("A text ends", () => {
  test("before the stop string, and its tokens with it", () => {
    expect(stopped([0, 1, 3, 0], "\n")).toEqual({ tokens: 2, length: 7 });
  });

  test("where several tokens write the stop string together", () => {
    expect(stopped([0, 6, 5, 1], "###")).toEqual({ tokens: 1, length: 3 });
  });

  test("inside a token, which is kept for what it says before", () => {
    expect(stopped([0, 7, 1], "##b")).toEqual({ tokens: 2, length: 5 });
  });

  test("at the first of several stop strings", () => {
    expect(stopped([0, 1, 2, 3], "\n", ".", "never")).toEqual({ tokens: 2, length: 7 });
  });

  test("with nothing where the stop string comes first", () => {
    expect(stopped([4, 0], "\n")).toEqual({ tokens: 0, length: 0 });
  });

  test("nowhere without a stop string", () => {
    expect(stopped([0, 1], "\n")).toBeUndefined();
  });
});

test("What is kept says all that comes before the first stop string, and no token of it is idle", () => {
  const token = fc.nat(PIECES.length - 1);
  const stop = fc.constantFrom("\n", "##", ".", "o", "##\n", "tw");
  fc.assert(
    fc.property(fc.array(token), fc.uniqueArray(stop, { minLength: 1 }), (tokens, stops) => {
      const text = decode(tokens);
      const at = Math.min(...stops.map((each) => text.indexOf(each)).filter((index) => index >= 0));
      const result = stoppedText(tokens, stops, decode);
      expect(result?.length ?? Infinity).toBe(at);
      if (result === undefined) return;
      expect(decode(tokens.slice(0, result.tokens)).length).toBeGreaterThanOrEqual(at);
      if (result.tokens > 0) {
        expect(decode(tokens.slice(0, result.tokens - 1)).length).toBeLessThan(at);
      }
    }),
  );
});
