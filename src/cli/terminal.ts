/** What the commands know of the terminal they run in, and the one place where they write to it. */
import { notWritable } from "./errors.ts";

export interface Terminal {
  /** Columns of standard output; a usual number where it is no terminal. */
  readonly width: number;
  /** Lines of standard output; none where it is no terminal. */
  readonly height: number | undefined;
  readonly colour: boolean;
  readonly unicode: boolean;
  /** Progress is drawn on standard error only where somebody looks at it. */
  readonly hasProgressBars: boolean;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
  /** Writes to standard output and waits until a slow reader took it. */
  readonly printBytes: (bytes: Uint8Array) => Promise<void>;
  /** Writes to standard error. */
  readonly note: (text: string) => void;
}

/** Columns of a table in a pipe or a file. */
const WIDTH_WITHOUT_TERMINAL = 100;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  return {
    // The last column stays free: some terminals break the line after it.
    width: stdout.isTTY ? stdout.columns - 1 : WIDTH_WITHOUT_TERMINAL,
    height: stdout.isTTY ? stdout.rows : undefined,
    colour: hasColour(stdout, env),
    unicode: isUnicode(env),
    hasProgressBars: stderr.isTTY,
    print: (text) => stdout.write(text),
    printBytes: (bytes) =>
      new Promise((resolve, reject) => {
        stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    note: (text) => stderr.write(text),
  };
}

/** What a stream says to who writes for a reader that is not there any more. */
const READER_GONE = new Set(["EPIPE", "ERR_STREAM_DESTROYED"]);

/**
 * A reader of the output that has seen enough (`| head`) is no failure. Nobody may be there for what is said beside it, while the work
 * goes on for a file: those words are lost, and nothing else. Other errors of the streams are failures: a full disk, say.
 */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (READER_GONE.has(error.code ?? "")) {
        if (stream === process.stderr) return;
        process.exit(0);
      }
      if (stream === process.stdout) {
        const { message, hint } = notWritable("standard output", error);
        process.stderr.write(`error: ${message}\nhint: ${hint ?? ""}\n`);
      }
      process.exit(1);
    });
  }
}

function hasColour(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY && stream.hasColors();
}

/** A locale that says nothing is most often a container, whose terminal shows UTF-8. */
function isUnicode(env: NodeJS.ProcessEnv): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find(
    (value) => (value ?? "") !== "",
  );
  return locale === undefined || /utf-?8/iu.test(locale);
}
