/** What can be asked of a hidden state without knowing anything of prompts: one thing, in several wordings. */

/** One way to ask: a target prompt in which `x` stands for the vector. */
export interface Wording {
  readonly text: string;
  /** How often it alone was right on the development subjects, from 0 to 1; 1 where nobody measured it. */
  readonly weight: number;
}

/** Where a state is read and where it is written, as parts of a model's depth. */
export interface DepthPair {
  readonly source: number;
  readonly target: number;
}

/** An entry of the table of questions. */
export interface Question {
  readonly name: string;
  readonly language: "en" | "ko";
  /** What it is asked of: the name of a domain. */
  readonly domain: string;
  /** What is asked, in a few words. */
  readonly asks: string;
  readonly wordings: readonly Wording[];
  readonly pairs: readonly DepthPair[];
  /** Whether the answer may be like the subject's own name: Japan, Japanese. */
  readonly mayBeName: boolean;
}

/** Things of one kind: what a source is held against. */
export interface Domain {
  readonly name: string;
  /** A sentence that ends in one of them, in the place of `{}`. */
  readonly frame: string;
  /** The contrast set: many and different ones. */
  readonly contrast: readonly string[];
}

/** The layers of a model at some depths, each at least the first and at most the last. */
export function layersAt(
  pairs: readonly DepthPair[],
  layers: number,
): readonly { readonly source: number; readonly target: number }[] {
  const layerAt = (depth: number): number => Math.min(layers - 1, Math.round(depth * layers));
  return pairs.map(({ source, target }) => ({ source: layerAt(source), target: layerAt(target) }));
}
