/** `patchscopes bench`: the project's own figures, measured on this machine. What is measured is in bench/. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandContext } from "./context.ts";

/** What bench/main.ts exports. */
interface BenchModule {
  readonly runBench: (request: {
    /** What stands after `bench` on the command line. */
    readonly args: readonly string[];
    readonly results?: string | undefined;
    readonly page?: string | undefined;
    readonly baseline?: string | undefined;
    readonly signal: AbortSignal;
    readonly print: (text: string) => void;
    readonly note: (text: string) => void;
  }) => Promise<void>;
}

/** The command. */
export function benchCommand({ terminal, signal }: CommandContext): CommandUnknownOpts {
  return new Command("bench")
    .summary("measure speed and memory on this machine")
    .description(
      "Measures the project's figures, side by side in one run, beside PyTorch where Python has it. All of them take about an hour.",
    )
    .argument(
      "[figures...]",
      "grid, words, positions, evidence, samples, first, limit, profile, depth, scaling, inspect, load, throughput, devices (default: all of them)",
    )
    .option(
      "--results <file>",
      "keep what was measured; what is not measured now stays as it is there",
    )
    .option("--page <folder>", "write performance.md there, with plots (the project's own is docs)")
    .option("--baseline <file>", "write what the next release is held against")
    .action(async (args, options) => {
      // A program of its own beside the library, compiled into the same folder.
      const location = new URL("../bench/main.js", import.meta.url).href;
      const { runBench } = (await import(location)) as BenchModule;
      const { print, note } = terminal;
      await runBench({ args, ...options, signal, print, note });
    });
}
