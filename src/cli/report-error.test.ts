import { describe, expect, test } from "vitest";

import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { PatchscopesError } from "../errors.ts";
import { reportError } from "./report-error.ts";

function report(error: unknown, debug: boolean): string {
  const terminal = recordingTerminal();
  reportError(error, terminal, { debug });
  return terminal.noted();
}

describe("an error with several causes", () => {
  const hub = new Error("the Hub said no", { cause: new Error("its certificate is old") });
  const both = new AggregateError([hub, new Error("pip said no")], "no source gave the file");
  const failure = new PatchscopesError({
    code: "download-failed",
    message: "It failed.",
    hint: "Again.",
    cause: both,
  });

  test("is one message and one hint", () => {
    expect(report(failure, false)).toBe("error: It failed.\nhint: Again.\n");
  });

  test("shows each of them, and their causes, with --debug", () => {
    const said = report(failure, true);
    const words = [
      "caused by: AggregateError: no source gave the file",
      "part 1 of 2: Error: the Hub said no",
      "caused by: Error: its certificate is old",
      "part 2 of 2: Error: pip said no",
    ];
    const places = words.map((each) => said.indexOf(each));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(Math.min(...places)).toBeGreaterThan(0);
  });
});

test("too little memory is no bug, and says what to do", () => {
  const said = report(new RangeError("Array buffer allocation failed"), false);
  expect(said).toMatch(/^error: The run failed: there is not enough memory\.\nhint: .*--memory/u);
});
