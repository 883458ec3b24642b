/** What can be wrong with a spec once its model and the tokens of its prompts are known. Each function makes one issue. */
import type { SpecIssue } from "../errors.ts";
import type { PlannedModel } from "./plan.ts";

type Path = SpecIssue["path"];

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
  readonly occurrence: number;
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

/** A text that was found where no token is: tokenizers may drop white space. */
export function textWithoutToken(find: string, path: Path): SpecIssue {
  return {
    code: "text-without-token",
    path,
    message: `no token holds ${JSON.stringify(find)}: the tokenizer leaves it out`,
    hint: "Look for the word beside it, or give an index.",
  };
}

/** Something that only a tokenizer can do. */
export function needsTokenizer(what: string, instead: string, path: Path): SpecIssue {
  return {
    code: "no-tokenizer",
    path,
    message: `${what} needs a tokenizer, and this model has none`,
    hint: instead,
  };
}

/** A token id that the model has no embedding for. */
export function tokenOutOfVocabulary(token: number, vocabSize: number, path: Path): SpecIssue {
  return {
    code: "token-out-of-vocabulary",
    path,
    message: `token ${token} does not exist: the vocabulary has tokens 0 to ${vocabSize - 1}`,
    hint: "Token ids are those of this model's own tokenizer.",
  };
}

/** A prompt of which the tokenizer leaves nothing. */
export function emptyPrompt(path: Path): SpecIssue {
  return {
    code: "empty-prompt",
    path,
    message: "the prompt has no tokens",
    hint: "Write at least one word.",
  };
}

/** A prompt longer than the model was made for. */
export function promptTooLong(count: number, maxPositions: number, path: Path): SpecIssue {
  return {
    code: "prompt-too-long",
    path,
    message: `the prompt has ${count} tokens; the model was made for at most ${maxPositions}`,
    hint: "Shorten it.",
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

/** A token that interventions leave with nothing to look at: there is no softmax of nothing. */
export function nothingToSee(position: number, layer: number): SpecIssue {
  return {
    code: "nothing-to-see",
    path: ["interventions"],
    message: `the token at position ${position} is left with nothing to look at in layer ${layer}`,
    hint: "Leave it at least its look at itself: a position in both from and to cuts that too.",
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

/** More cut edges than can be listed for each pass. */
export function tooManyEdges(edges: number, limit: number): SpecIssue {
  return {
    code: "too-many-edges",
    path: ["interventions"],
    message: `the interventions cut ${edges} edges of attention; at most ${limit} fit in one run`,
    hint: "Name fewer positions or layers.",
  };
}

/** More cells, or places in them, than can be kept. */
export function tooManyWrites(writes: number, limit: number): SpecIssue {
  return {
    code: "too-many-cells",
    path: [],
    message: `the product of the axes writes ${writes} hidden states; at most ${limit} fit in one run`,
    hint: "Split the axes over several specs.",
  };
}

/** A spec of two models, of which one was given. */
export function targetModelMissing(name: string): SpecIssue {
  return {
    code: "no-target-model",
    path: ["target", "model"],
    message: `the target runs in ${name}, and that model was not given`,
    hint: "Load it too, and pass it as the option target.",
  };
}

/** States that are written into a model of another width. */
export function mapOfWidthsNeeded(source: PlannedModel, target: PlannedModel): SpecIssue {
  return {
    code: "needs-map",
    path: ["mapping"],
    message: `states of ${source.name} have ${source.hiddenSize} numbers and those of ${target.name} ${target.hiddenSize}: they need a map`,
    hint: `Learn one: patchscopes fit --model ${source.name} --to-model ${target.name} --sample 200 --out map.safetensors; then write mapping: {file: map.safetensors}.`,
  };
}

/** The source's position in a prompt that says something else, in other tokens. */
export function otherText(path: Path): SpecIssue {
  return {
    code: "no-counterpart",
    path,
    message: "position same has no meaning here: the two prompts differ, and so do their tokens",
    hint: "Give an index, or a text that the token holds: {find: x}.",
  };
}

/** A token of the source that stands for no character of the target's prompt. */
export function noCounterpart(position: number, piece: string, path: Path): SpecIssue {
  return {
    code: "no-counterpart",
    path,
    message: `position ${position} (${JSON.stringify(piece)}) has no counterpart among the target's tokens`,
    hint: "Leave it out of source.position, or name the target's position.",
  };
}

/** A metric that holds the target's next token against the source's, which is one of another vocabulary. */
export function otherVocabulary(source: string, target: string, path: Path): SpecIssue {
  return {
    code: "other-vocabulary",
    path,
    message: `the next token of ${source} cannot be held against that of ${target}: their vocabularies differ`,
    hint: "Write unpatched in place of source; a metric of a token may name it instead (inspect has --answer).",
  };
}

/** Which of the two prompts. */
export type Side = "source" | "target";

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
