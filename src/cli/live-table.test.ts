import { expect, test } from "vitest";
import { exampleLadder } from "../../tests/support/example-results.ts";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { table } from "../render/table.ts";
import { liveTable } from "./live-table.ts";

const result = exampleLadder();

test("in a pipe there is one table, at the end", () => {
  const terminal = recordingTerminal();
  const live = liveTable(terminal);
  live.words(result);
  expect(terminal.printed()).toBe("");
  live.finish(result);
  expect(terminal.printed()).toBe(`${table(result, terminal)}\n`);
});

test("on a screen the words come first, and the table takes exactly their place", () => {
  const terminal = recordingTerminal({ height: 60 });
  const live = liveTable(terminal);
  live.words(result);
  const words = terminal.printed();
  expect(words).toBe(`${table(result, { ...terminal, isPartial: true })}\n`);
  live.finish(result);
  const lines = words.split("\n").length - 1;
  expect(terminal.printed().slice(words.length)).toMatch(
    new RegExp(`^\\r\\u001b\\[${lines}A`, "u"),
  );
});

test("words that do not fit the screen are cut, so that they can be written over", () => {
  const terminal = recordingTerminal({ height: 12 });
  liveTable(terminal).words(result);
  const lines = terminal.printed().split("\n");
  expect(lines.length).toBeLessThanOrEqual(12);
  expect(lines.at(-2)).toMatch(/^\(\d+ more lines\)$/u);
});
