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

/** The paper's code has no case of two models with a norm to skip. */
export function compatAcross(): SpecIssue {
  return {
    code: "conflict",
    path: ["compat"],
    message: "pair is for one model; here the target's is another one",
    hint: "Leave compat out.",
  };
}

/** Vectors of the source's model beside one that is the target's already. */
export function namedBehindMap(step: number): SpecIssue {
  return {
    code: "conflict",
    path: ["mapping", step],
    message: "names states of the source's model, behind the map to another width",
    hint: "Put the step before the file of the map.",
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

/** What is read of one vector, where there are several at once; `what` is it with its verb. */
export function ofSeveral(what: "neighbours are" | "a round trip is"): SpecIssue {
  return {
    code: "conflict",
    path: ["patches"],
    message: `${what} of one vector, and patches are several in one cell`,
    hint: "Name the positions and layers under source.",
  };
}

/** More places to compare than a result can hold. */
export function tooManyComparisons(places: number, limit: number): SpecIssue {
  return {
    code: "too-large",
    path: ["read"],
    message: `propagation compares ${places} states; at most ${limit} fit in one result`,
    hint: "Take fewer layers or positions of the source, or a shorter target prompt.",
  };
}

/** What is of a run of the target, where none runs. */
export function ofNoRun(key: "metrics" | "interventions"): SpecIssue {
  return {
    code: "conflict",
    path: [key],
    message: "are of a run of the target, and for neighbours it does not run",
    hint: "Leave them out, or read next-token.",
  };
}

/** A metric against the source's own run, where the source is a file. */
export function noSourceRun(path: Path): SpecIssue {
  return {
    code: "no-source-run",
    path,
    message: "the source is a file of vectors: no run of its own says a next token",
    hint: "Write unpatched in place of source, or name the token.",
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

/** A file of vectors where the caller gave no way to read files. */
export function vectorsNotRead(file: string, path: Path): SpecIssue {
  return {
    code: "no-vectors",
    path,
    message: `the vectors of ${file} were not loaded`,
    hint: "Pass the option vectors, a function that reads them: patchscopes/node has loadVectors.",
  };
}

/** Vectors of another width than the model's states. */
export function vectorWidth(facts: {
  readonly file: string;
  readonly got: number;
  readonly hiddenSize: number;
  readonly path: Path;
}): SpecIssue {
  return {
    code: "vector-width",
    path: facts.path,
    message: `${facts.file} holds vectors of ${facts.got} numbers; this model's states have ${facts.hiddenSize}`,
    hint: "Use vectors of this model, as patchscopes capture saves them.",
  };
}

/** An axis of layers that fits no model and says nothing of itself. */
export function layersOfFile(count: number, layers: number, path: Path): SpecIssue {
  return {
    code: "vector-layers",
    path,
    message: `the file has ${count} layers and does not say which; the model has ${layers}`,
    hint: 'Save one vector [hidden], or write the layers into the file\'s metadata: layers "[0, 5, 10]".',
  };
}

/** A layer that a file of vectors has not. */
export function layerNotInFile(
  layer: number | "embedding",
  there: readonly (number | "embedding")[],
  path: Path,
): SpecIssue {
  const shown = there.slice(0, MAX_PIECES).join(", ");
  return {
    code: "layer-not-in-file",
    path,
    message: `layer ${layer} is not in the file of vectors; it has ${shown}`,
    hint: "Choose one of these, or capture more layers.",
  };
}

/** A site beside a file that says another one. */
export function siteOfFile(site: string, there: string): SpecIssue {
  return {
    code: "conflict",
    path: ["source", "site"],
    message: `the file of vectors holds ${there}, not ${site}`,
    hint: "Leave the site out.",
  };
}

/** `prompt: same` where the source is a file that does not say its prompt. */
export function noPromptToShare(): SpecIssue {
  return {
    code: "no-prompt",
    path: ["target", "prompt"],
    message: "the source is a file of vectors without tokens, so there is no prompt to be the same",
    hint: "Write the target's prompt.",
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

/** A marker that is not in the target prompt. */
export function markerNotFound(marker: string, path: Path): SpecIssue {
  return {
    code: "marker-not-found",
    path,
    message: `the marker ${JSON.stringify(marker)} does not occur in the target prompt`,
    hint: "Write it into the prompt where the vector belongs.",
  };
}

/** A marker in a prompt that is not a text of its own. */
export function markerWithoutText(path: Path): SpecIssue {
  return {
    code: "marker-without-text",
    path,
    message: "a marker needs a target prompt of its own, as a text or messages",
    hint: "Write prompt: TEXT with the marker in it, or give positions by index.",
  };
}

/** Placeholders that do not have a token each. */
export function placeholdersShareToken(as: string, piece: string, path: Path): SpecIssue {
  return {
    code: "placeholder-shared",
    path,
    message: `the placeholder ${JSON.stringify(as)} has no token of its own: ${JSON.stringify(piece)} holds more than one of them`,
    hint: "Put a space between markers, or choose another placeholder with as.",
  };
}

/** Keys and values that are to come from a vector which is none of the residual stream. */
export function overwriteNotResidual(site: string): SpecIssue {
  return {
    code: "conflict",
    path: ["target", "contamination"],
    message: `overwrite needs a state of the residual stream; the target's site is ${site}`,
    hint: "Use resid_post, resid_pre or resid_mid, or contamination: hide.",
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

/** A mapping or a mode where the paper's code skips the final norm. */
export function mappedBehindNorm(last: number): SpecIssue {
  return {
    code: "conflict",
    path: ["compat"],
    message: `with compat: pair a state of the last layer that is written at the last layer (${last}) can only replace, without a mapping`,
    hint: "Leave out the last layer, the mapping and mode, or compat.",
  };
}

/** `compat` where the caller's model does not show its final norm. */
export function noFinalNorm(): SpecIssue {
  return {
    code: "no-final-norm",
    path: ["compat"],
    message: "compat: pair needs the model's final norm, and only its engine was given",
    hint: "Pass a model as loadModel or openModel gives it.",
  };
}
