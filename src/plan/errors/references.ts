/** What can be wrong with the layers, positions, texts and sites that a spec names. Each function makes one issue. */
import type { SpecIssue } from "../../errors.ts";

type Path = SpecIssue["path"];

/** Which of the two prompts. */
export type Side = "source" | "target";

/** A layer that the model does not have. */
export function layerOutOfRange(facts: {
  readonly layer: number;
  readonly layers: number;
  readonly model: string;
  readonly path: Path;
}): SpecIssue {
  return {
    code: "layer-out-of-range",
    path: facts.path,
    message: `layer ${facts.layer} does not exist: ${facts.model} has layers 0 to ${facts.layers - 1}`,
    hint: 'Write "embedding" for the state before layer 0; negative layers count from the last one, -1.',
  };
}

/** A range that goes downwards once its ends are resolved. */
export function emptyRange(from: number, to: number, path: Path): SpecIssue {
  return {
    code: "empty-range",
    path,
    message: `the range from layer ${from} to layer ${to} is empty`,
    hint: "Write the lower layer as from; a list gives layers in any order.",
  };
}

/** The source's layers are a single one, so none is below another. */
export function noEarlierLayer(path: Path): SpecIssue {
  return {
    code: "empty-range",
    path,
    message: "none of the source's layers is below another one of them",
    hint: "Name several layers in source.layer, or all.",
  };
}

/** A token that the prompt does not have. */
export function positionOutOfRange(facts: {
  readonly position: number;
  readonly count: number;
  readonly side: Side;
  readonly path: Path;
}): SpecIssue {
  const { position, count, side, path } = facts;
  return {
    code: "position-out-of-range",
    path,
    message: `position ${position} does not exist: the ${side} prompt has ${tokenCount(count)}, positions 0 to ${count - 1}`,
    hint: `Negative positions count from the end: -1 is the last token, -${count} the first.`,
  };
}

/** A range of positions whose end is before its beginning. */
export function emptyPositions(from: number, to: number, path: Path): SpecIssue {
  return {
    code: "empty-range",
    path,
    message: `the range from position ${from} to position ${to} is empty`,
    hint: "Write the earlier token as from.",
  };
}

/** A text that is looked for and is not in the prompt. */
export function textNotFound(facts: {
  readonly find: string;
  readonly pieces: readonly string[];
  readonly side: Side;
  readonly path: Path;
}): SpecIssue {
  return {
    code: "text-not-found",
    path: facts.path,
    message: `${JSON.stringify(facts.find)} does not occur in the ${facts.side} prompt: ${shown(facts.pieces)}`,
    hint: "Upper and lower case count; a position may also be an index.",
  };
}

/** The n-th occurrence of a text that occurs less often. */
export function occurrenceOutOfRange(facts: {
  readonly find: string;
  readonly occurrence: number | "first" | "last";
  readonly count: number;
  readonly path: Path;
}): SpecIssue {
  const times = facts.count === 1 ? "once" : `${facts.count} times`;
  return {
    code: "occurrence-out-of-range",
    path: [...facts.path, "occurrence"],
    message: `occurrence ${facts.occurrence} of ${JSON.stringify(facts.find)} does not exist: it occurs ${times}`,
    hint: "Occurrences are counted from 1.",
  };
}

/** A character that the prompt has not. */
export function offsetOutOfRange(facts: {
  readonly offset: number;
  readonly count: number;
  readonly side: Side;
  readonly path: Path;
}): SpecIssue {
  const { offset, count, side, path } = facts;
  return {
    code: "offset-out-of-range",
    path: [...path, "offset"],
    message: `character ${offset} does not exist: the ${side} prompt has ${count}`,
    hint: "Characters are counted from 0, as Python counts them; -1 is the last.",
  };
}

/** A text that was found where no token is: tokenizers may drop white space. */
export function textWithoutToken(find: string, path: Path): SpecIssue {
  return {
    code: "text-without-token",
    path,
    message: `no token holds ${JSON.stringify(find)}: the tokenizer leaves it out`,
    hint: "Look for the word beside it, or give an index.",
  };
}

/** A slice of states and as many other places as it has not. */
export function notOneToOne(facts: {
  readonly what: "positions" | "layers";
  readonly source: number;
  readonly target: number;
  readonly path: Path;
}): SpecIssue {
  const { what, source, target, path } = facts;
  return {
    code: "not-one-to-one",
    path,
    message: `the source reads ${source} ${what} together, and the target has ${target} for them`,
    hint:
      what === "positions"
        ? "Name as many positions, or one marker: it is repeated for each state."
        : "Write same, or {together: list} with as many layers.",
  };
}

/** A site of the embedding, which has no attention and no MLP. */
export function noSuchSiteOfEmbedding(site: string, path: Path): SpecIssue {
  return {
    code: "embedding-site",
    path,
    message: `the embedding has no ${site}: it is what block 0 reads`,
    hint: "Leave the site out, or name a layer from 0 on.",
  };
}

/** A state between attention and MLP, where a model has none. */
export function noStateBetween(path: Path): SpecIssue {
  return {
    code: "parallel-site",
    path,
    message:
      "resid_mid does not exist in a parallel block: this model's attention and MLP read the same state",
    hint: "Use resid_pre or resid_post, or attn_out and mlp_out.",
  };
}

// Enough to see how a prompt was cut; a whole page would hide the message.
const MAX_PIECES = 40;

function shown(pieces: readonly string[]): string {
  const first = pieces.slice(0, MAX_PIECES).map((piece) => JSON.stringify(piece));
  const rest = pieces.length > MAX_PIECES ? ` … (${pieces.length} tokens)` : "";
  return `${first.join(" ")}${rest}`;
}

function tokenCount(count: number): string {
  return count === 1 ? "1 token" : `${count} tokens`;
}
