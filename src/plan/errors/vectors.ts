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
