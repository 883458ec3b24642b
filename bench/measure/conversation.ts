/** A program that answers one line with one line, so that its work and ours can take turns. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Conversation {
  /** Sends a line and waits for the answer; with nothing to send, waits for what the program says by itself. */
  ask(line?: string): Promise<string>;
  end(): void;
}

/** Starts a program. What it writes to standard error is told when it ends before it has answered. */
export function converse(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Conversation {
  const child = spawn(program, args, { signal, stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (piece: Buffer) => (complaint += piece.toString()));
  const failed = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      const reason = complaint.trim().split("\n").at(-1);
      reject(new Error(reason === "" || reason === undefined ? `status ${status ?? 0}` : reason));
    });
  });
  failed.catch(() => undefined); // nobody may be waiting when it ends
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (line) => {
      if (line !== undefined) child.stdin.write(`${line}\n`);
      const answer = await Promise.race([answers.next(), failed]);
      return answer.done === true ? failed : answer.value;
    },
    end: () => {
      child.stdin.end();
    },
  };
}
