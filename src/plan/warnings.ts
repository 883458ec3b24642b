/** What is allowed and yet likely not what somebody meant; said with the result. */
import type { PlanModel } from "./encode-prompt.ts";
import type { Plan } from "./plan.ts";
import { isContrasted } from "./reads.ts";

type Warning = Plan["warnings"][number];

/** The warnings of a plan, each once. */
export function warningsOf(
  plan: Omit<Plan, "warnings">,
  models: Readonly<Record<"source" | "target", PlanModel>>,
): readonly Warning[] {
  return [
    readBeforeWrite(plan),
    knockoutOfNothing(plan),
    chosenAgainstPrior(plan),
    sinkRead(plan, models.source),
    beyondContext(plan, models.target),
    oneTokenUnpatched(plan),
  ].filter((warning) => warning !== undefined);
}

function readBeforeWrite({ cells }: Pick<Plan, "cells">): Warning | undefined {
  if (!cells.some((cell) => cell.readAt < cell.from)) return undefined;
  return {
    code: "read-before-write",
    message:
      "The next token is read before the first written position, where a patch changes nothing.",
  };
}

function knockoutOfNothing({ knockouts }: Pick<Plan, "knockouts">): Warning | undefined {
  const isWithoutEffect = knockouts.some(({ from, to, keepsSelf }) => {
    const last = from === "all" ? Infinity : (from.at(-1) ?? 0);
    const first = to[0] ?? 0;
    return keepsSelf ? first >= last : first > last;
  });
  if (!isWithoutEffect) return undefined;
  return {
    code: "knockout-of-nothing",
    message:
      "An attention knockout changes nothing: every token that it is to stop comes before what it is not to look at, and no token looks ahead.",
  };
}

function chosenAgainstPrior(plan: Omit<Plan, "warnings">): Warning | undefined {
  const { controls } = plan;
  const isJudged = controls.unpatched || controls.unrelated.length > 0;
  if (!isContrasted(plan) || !isJudged) return undefined;
  return {
    code: "evidence-of-contrast",
    message:
      "The texts are chosen for being likelier with the vector than without it, so their evidence runs high: it does not mean what it means for the likeliest text.",
  };
}

// Seen on SmolLM2: the first token's state still says its token at layer 0, and no longer at layer 2.
const SINK_FROM_LAYER = 1;

/** The first token of a text attracts attention, BOS or not, and loses its own meaning within a few layers. */
function sinkRead(plan: Omit<Plan, "warnings">, { tokenizer }: PlanModel): Warning | undefined {
  const isRead = plan.cells.some((cell) =>
    cell.writes.some(
      ({ from, to }) =>
        from.position === 0 &&
        from.layer >= SINK_FROM_LAYER &&
        // A state that is put back where it was is asked for no meaning.
        !(to.position === 0 && to.layer === from.layer && beginsAlike(plan)),
    ),
  );
  // A file of vectors need not say its tokens.
  if (tokenizer === undefined || !isRead || plan.source.tokens.length === 0) return undefined;
  const isBos = plan.source.tokens[0] === tokenizer.bos;
  return {
    code: "attention-sink",
    message: isBos
      ? "Position 0 is read, the beginning-of-sequence token: an attention sink, whose state says little about the text."
      : "Position 0 is read, and the source does not begin with a beginning-of-sequence token, so it is an attention sink: from the first few layers on, its state says little about its token. Put words before it.",
  };
}

function oneTokenUnpatched({ compat }: Pick<Plan, "compat">): Warning | undefined {
  if (compat?.isUnpatched !== true) return undefined;
  return {
    code: "compat-one-token",
    message:
      "The target prompt has one token and is not patched: the paper's code takes it for a step of decoding (compat: pair).",
  };
}

/** Whether source and target begin with the same token. */
function beginsAlike({ source, target }: Pick<Plan, "source" | "target">): boolean {
  return source.tokens[0] === target.tokens[0];
}

function beyondContext(plan: Omit<Plan, "warnings">, model: PlanModel): Warning | undefined {
  const { maxPositions } = model.architecture;
  const wanted = plan.read.kind === "generate" ? plan.read.maxTokens : 0;
  const length = plan.target.tokens.length + wanted;
  if (length <= maxPositions) return undefined;
  return {
    code: "beyond-context",
    message: `The target prompt and what is generated can reach ${length} tokens; the model was made for ${maxPositions}.`,
  };
}
