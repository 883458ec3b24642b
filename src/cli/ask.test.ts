import { describe, expect, test } from "vitest";
import { recordingTerminal } from "../../tests/support/recording-terminal.ts";
import { runCommandLine } from "./program.ts";

async function patchscopes(...args: readonly string[]): Promise<{ status: number; err: string }> {
  const terminal = recordingTerminal();
  const status = await runCommandLine(args, { terminal, signal: new AbortController().signal });
  return { status, err: terminal.noted() };
}

describe("patchscopes ask", () => {
  test.each([
    [["ask", "Japan"], "There is nothing to ask."],
    [["ask", "Japan", "--ask", "currancy"], 'Did you mean "currency"?'],
    [["ask", "in Japan", "--ask", "currency", "--at", "all"], "--at: expected one token"],
    [["ask", "Japan", "--ask", "currency", "--format", "csv"], "--format: expected table or json"],
  ])("%j is refused before a model is looked for", async (args, message) => {
    const { status, err } = await patchscopes(...args, "--model", "no-such-model");
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});

describe("patchscopes reproduce", () => {
  test.each([
    [["reproduce", "table1"], "expected consensus or trust"],
    [["reproduce", "consensus", "--subjects", "all"], "--subjects: expected test or development"],
  ])("%j is refused", async (args, message) => {
    const { status, err } = await patchscopes(...args);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});
