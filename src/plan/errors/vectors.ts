/** What can be wrong with files of vectors. Each function makes one issue. */
import type { SpecIssue } from "../../errors.ts";

type Path = SpecIssue["path"];

// Enough to choose from; hundreds would hide the message.
const MAX_LAYERS = 40;

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
    hint: "Use vectors of this model, as patchscopes capture saves them; those of another network (an image encoder, say) need a mapping from its width to the model's: mapping: {file: map.safetensors}.",
  };
}

/** Steps that mix vectors of two widths. */
export function namedOfOtherWidth(facts: {
  readonly name: string;
  readonly got: number;
  readonly width: number;
}): SpecIssue {
  const { name, got, width } = facts;
  return {
    code: "vector-width",
    path: ["sources", name],
    message: `the mapping mixes vectors of ${got} numbers with the source's, which have ${width}`,
    hint: "Take other vectors of the source's file.",
  };
}

/** An entry of an axis that is not there. */
export function itemNotInFile(item: number, shape: readonly number[], path: Path): SpecIssue {
  const [items = 0] = shape;
  const there = shape.length < 2 ? "one vector" : `${items} items, 0 to ${items - 1}`;
  return {
    code: "item-out-of-range",
    path,
    message: `item ${item} is not in the file; its tensor has ${there}`,
    hint: "item is an entry of the tensor's first axis; leave it out where there is one vector.",
  };
}

/** Another vector of a file where the source is none, or is named by its other axis. */
export function otherVectorOf(facts: {
  readonly axis: "item" | "position";
  readonly source: "prompt" | "item" | "position";
  readonly path: Path;
}): SpecIssue {
  const { axis, source, path } = facts;
  return {
    code: "conflict",
    path,
    message:
      source === "prompt"
        ? `{${axis}} is another vector of a file, and the source is a prompt`
        : `{${axis}} is not the axis that the source's vectors are on`,
    hint:
      source === "prompt"
        ? "Give a text, or {prompt, position}."
        : source === "item"
          ? "The source is one item of its file: write {item: 3}."
          : "The source has no item: write {position: 3}.",
  };
}

/** Another vector that the file has not. */
export function otherNotInFile(
  axis: "item" | "position",
  at: number,
  count: number,
  path: Path,
): SpecIssue {
  return {
    code: `${axis}-out-of-range`,
    path,
    message: `the file has no ${axis} ${at}; it has ${count}, 0 to ${count - 1}`,
    hint: "Name one of these.",
  };
}

/** Sentences beside vectors that this model's states are nothing like. */
export function sentencesOfOtherWidth(
  what: "control" | "contrast" | "round trip",
  widths: { readonly source: number; readonly model: number },
  path: Path,
): SpecIssue {
  const because = `the source's vectors have ${widths.source} numbers and the states of a text ${widths.model}`;
  const parts = {
    control: {
      message: `sentences cannot stand for the source: ${because}`,
      hint: "Leave the prompts out: the other vectors of the file are the control.",
    },
    contrast: {
      message: `a text cannot stand for the source: ${because}`,
      hint: "Name other vectors of the file: {item: 3}, or {position: 3} where the source has no item.",
    },
    "round trip": {
      message: `a text that is read back gives no vector to compare: ${because}`,
      hint: "Leave roundTrip out.",
    },
  };
  return { code: "vector-width", path, ...parts[what] };
}

/** The other vectors of a file where the source is a prompt. */
export function noFileOfSource(path: Path): SpecIssue {
  return {
    code: "conflict",
    path,
    message: "from: file takes the other vectors of the source's file, and the source is a prompt",
    hint: "Leave from out: the states of unrelated sentences are the control then.",
  };
}

/** An axis of layers that fits no model and says nothing of itself. */
export function layersOfFile(count: number, layers: number, path: Path): SpecIssue {
  return {
    code: "vector-layers",
    path,
    message: `the file has ${count} layers and does not say which; the model has ${layers}`,
    hint: 'Where its first axis is no layers but items, say which one: item: 3. Else write the layers into the file\'s metadata: layers "[0, 5, 10]".',
  };
}

/** A layer that a file of vectors has not. */
export function layerNotInFile(
  layer: number | "embedding",
  there: readonly (number | "embedding")[],
  path: Path,
): SpecIssue {
  const shown = there.slice(0, MAX_LAYERS).join(", ");
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
