/** `patchscopes bench`: the project's own figures, measured on this machine. What is measured is in bench/. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandContext } from "./context.ts";

/** What bench/main.ts exports. */
interface BenchModule {
  readonly runBench: (options: {
    /** What stands after `bench` on the command line. */
    readonly args: readonly string[];
    readonly signal: AbortSignal;
    readonly print: (text: string) => void;
    readonly note: (text: string) => void;
  }) => Promise<void>;
}

/** The command. */
export function benchCommand({ terminal, signal }: CommandContext): CommandUnknownOpts {
  return new Command("bench")
    .summary("measure speed and memory on this machine")
    .description("Measures the project's figures, side by side in one run.")
    .argument("[figures...]", "grid, positions, inspect, load, throughput (default: all of them)")
    .action(async (figures) => {
      // A program of its own beside the library, compiled into the same folder.
      const location = new URL("../bench/main.js", import.meta.url).href;
      const { runBench } = (await import(location)) as BenchModule;
      await runBench({ args: figures, signal, print: terminal.print, note: terminal.note });
    });
}
