/** `patchscopes ask TEXT`: one question asked of a state, in several wordings, with one answer. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { answerText } from "../render/answer.ts";
import { ask } from "../run/ask.ts";
import { askRequest, type Asked } from "../run/ask-request.ts";
import { isList } from "../spec/is-list.ts";
import { QUESTIONS } from "../spec/questions/questions.ts";
import type { PositionRef, SinglePosition } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { parseContrast } from "./contrast.ts";
import { optionsConflict, optionWrong } from "./errors.ts";
import { parseTableOrJson } from "./formats.ts";
import {
  DEFAULT_MODEL,
  deviceOption,
  MODEL_HELP,
  precisionOption,
  threadsOption,
  withLoadedModel,
} from "./model-options.ts";
import type { ModelOptions } from "./model-options.ts";
import { openOutput } from "./output.ts";
import { progressOn } from "./progress.ts";
import { parsePosition, positionText } from "./references.ts";

const EXAMPLES = `
Questions:
${QUESTIONS.map(({ name, asks }) => `  ${name.padEnd(16)} ${asks}`).join("\n")}

Examples:
  patchscopes ask "I spent the summer in Japan" --at Japan --ask currency
  patchscopes ask "나는 지난여름에 다녀온 일본" --at 일본 --ask 대륙 --model gemma-3-270m
  patchscopes ask "I spent the summer in Japan" --at Japan \\
    --wording "The national dish of x is" --wording "People in x like to eat" \\
    --contrast "I spent the summer in {Italy,Peru,Egypt,Korea}"`;

/** The command. */
export function askCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("ask")
    .summary("ask a hidden state one question, in several wordings, for one answer")
    .description(
      "Asks a token's hidden states for one thing in several wordings and at several layers, holds what is said against other sources of the same kind, and gives one answer with its evidence, or none.",
    )
    .argument("<text>", "the text whose state is asked")
    .option("--ask <question>", "a question of the table below")
    .option(
      "--wording <sentence>",
      "your own; x stands for the vector; may be repeated",
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option("--wordings <sentences>", "several at once, with ; between them")
    .option(
      "--at <token>",
      "the token: a number (-1: the last), or text that it holds (default: -1)",
      parsePosition,
    )
    .option(
      "--contrast <sentence>",
      "other sources of the same kind, as in {Italy,Peru}; may be repeated",
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option("-m, --model <model>", MODEL_HELP, DEFAULT_MODEL)
    .option("-f, --format <form>", "table or json", parseTableOrJson, "table")
    .option("-o, --out <file>", "write the answer to this file")
    .addOption(precisionOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addHelpText("after", EXAMPLES)
    .action((text, options) => askAndShow(text, options, context));
}

interface AskOptions extends ModelOptions {
  readonly model: string;
  readonly ask?: string | undefined;
  readonly wording?: readonly string[] | undefined;
  readonly wordings?: string | undefined;
  readonly at?: PositionRef | undefined;
  readonly contrast?: readonly string[] | undefined;
  readonly format: "table" | "json";
  readonly out?: string | undefined;
}

async function askAndShow(
  text: string,
  options: AskOptions,
  context: CommandContext,
): Promise<void> {
  const request = askRequest(askedBy(text, options));
  const { terminal, signal } = context;
  const output = await openOutput(options.out, terminal);
  const progress = progressOn(terminal);
  try {
    await withLoadedModel({ name: options.model, options, context, progress }, async (loaded) => {
      const result = await ask(request, loaded, {
        signal,
        onProgress: (done, total) => progress.show({ label: "Asking", done, total, unit: "count" }),
      });
      progress.clear();
      const { width, unicode } = terminal;
      const colour = terminal.colour && output.path === undefined;
      await output.writeText(
        options.format === "json"
          ? JSON.stringify(result, null, 2)
          : answerText(result, { width, colour, unicode }),
      );
    });
  } finally {
    progress.clear();
  }
}

/** What the options ask. Throws `usage`. */
function askedBy(text: string, options: AskOptions): Asked {
  const wordings = wordingsOf(options);
  if (options.ask === undefined && wordings === undefined) {
    throw optionsConflict(
      "There is nothing to ask.",
      'Give a question, as in --ask currency, or your own: --wording "The national dish of x is".',
    );
  }
  return {
    prompt: text,
    position: oneToken(options.at),
    ...(options.ask !== undefined && { question: options.ask }),
    ...(wordings && { wordings }),
    ...(options.contrast && {
      contrast: options.contrast.flatMap((value) => parseContrast(value, text)),
    }),
  };
}

function wordingsOf({ wording = [], wordings = "" }: AskOptions): readonly string[] | undefined {
  const all = [...wording, ...wordings.split(";")].map((one) => one.trim());
  const given = all.filter((one) => one !== "");
  return given.length === 0 ? undefined : given;
}

function oneToken(at: PositionRef | undefined): SinglePosition {
  if (at === undefined || typeof at === "number") return at ?? -1;
  if (!isList(at) && typeof at === "object" && "find" in at && at.token !== "all") return at;
  throw optionWrong({
    option: "--at",
    expected: "one token: a number, or text that it holds",
    got: positionText(at) ?? "several tokens",
  });
}
