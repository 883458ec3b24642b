/** The same work in PyTorch, where Python has it: a program that stays, so that its work and ours take turns. */
import { fileURLToPath } from "node:url";
import { converse } from "./conversation.ts";

/** What pytorch_sweep.py is asked; see there. */
export type PytorchWork =
  | {
      readonly kind: "cells";
      readonly cells: "grid" | "positions";
      readonly source: string;
      readonly target: string;
      readonly way: "batched" | "sequential";
      readonly dtype: "float32" | "bfloat16";
      /** 0 for the next token. */
      readonly newTokens: number;
      /** Every which cell is run. */
      readonly every: number;
      /** These cells alone, for their gaps. */
      readonly only?: readonly number[];
    }
  | {
      readonly kind: "prefill" | "decode";
      readonly rows: readonly (readonly number[])[];
      readonly steps: number;
    };

export interface PytorchAnswer<Tokens> {
  readonly seconds: number;
  readonly tokens: Tokens;
  /** Of each cell and token: how much larger the likeliest token's logit is than the next one's; only of cells that were named. */
  readonly gaps?: readonly (readonly number[])[];
}

export interface Pytorch {
  readonly version: string;
  /** Tokens of each cell, or of the last row. */
  ask<Work extends PytorchWork>(
    work: Work,
  ): Promise<PytorchAnswer<Work extends { kind: "cells" } ? number[][] : number[]>>;
  end(): void;
}

// The build copies it beside this file.
const SCRIPT = fileURLToPath(new URL("pytorch_sweep.py", import.meta.url));

/** Loads the model file in PyTorch; `undefined` (and a note why) where it cannot be. */
export async function startPytorch(
  file: string,
  { signal, note }: { readonly signal: AbortSignal; readonly note: (text: string) => void },
): Promise<Pytorch | undefined> {
  note("Loading the model in PyTorch …");
  const conversation = converse("python3", [SCRIPT, file], signal);
  try {
    const { torch } = JSON.parse(await conversation.ask()) as { torch: string };
    return {
      version: torch,
      ask: async (work) => JSON.parse(await conversation.ask(JSON.stringify(work))) as never,
      end: () => {
        conversation.end();
      },
    };
  } catch (error) {
    signal.throwIfAborted();
    note(`PyTorch was not measured: ${error instanceof Error ? error.message : String(error)}`);
    note("For the comparison: pip install torch transformers gguf accelerate");
    return undefined;
  }
}
