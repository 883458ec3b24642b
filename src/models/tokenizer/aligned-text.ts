/**
 * A piece of the text as a vocabulary wants it spelled, with the place in the user's text that each unit came from.
 * Which spellings a model asks for is declared by the readers.
 */
import type { Offset } from "../model.ts";

/** One way of spelling a text anew. */
export type NormalizeStep =
  | { readonly kind: "nfc" }
  | { readonly kind: "replace"; readonly from: string; readonly to: string }
  | { readonly kind: "prepend"; readonly text: string };

interface Replacement {
  /** The units `[start, end)` become `text`. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Units are UTF-16 units, as JavaScript indexes strings. */
export class AlignedText {
  readonly text: string;
  /** Where the text starts in the user's; only for a text as it is. */
  readonly #base: number;
  /** Where each unit comes from; `undefined` for a text as it is. */
  readonly #spans: readonly Offset[] | undefined;

  private constructor(text: string, base: number, spans?: readonly Offset[]) {
    this.text = text;
    this.#base = base;
    this.#spans = spans;
  }

  /** A text as it is, at this place. */
  static of(text: string, start: number): AlignedText {
    return new AlignedText(text, start);
  }

  /** Where the units `[start, end)` come from. */
  span(start: number, end: number): Offset {
    if (this.#spans === undefined) return [this.#base + start, this.#base + end];
    const first = this.#spans[start]?.[0] ?? this.#base;
    return [first, this.#spans[end - 1]?.[1] ?? first];
  }

  /** The text after this step. */
  apply(step: NormalizeStep): AlignedText {
    switch (step.kind) {
      case "nfc":
        return this.#replace(composed(this.text));
      case "replace":
        return this.#replace(occurrences(this.text, step));
      case "prepend":
        return this.#prepend(step.text);
    }
  }

  #replace(replacements: readonly Replacement[]): AlignedText {
    if (replacements.length === 0) return this;
    const spans: Offset[] = [];
    let text = "";
    let done = 0;
    const keep = (end: number): void => {
      for (; done < end; done++) spans.push(this.span(done, done + 1));
    };
    for (const one of replacements) {
      text += this.text.slice(done, one.start) + one.text;
      keep(one.start);
      const span = this.span(one.start, one.end);
      spans.push(...Array.from({ length: one.text.length }, () => span));
      done = one.end;
    }
    text += this.text.slice(done);
    keep(this.text.length);
    return new AlignedText(text, this.#base, spans);
  }

  /** What is put in front counts to the first character. */
  #prepend(prefix: string): AlignedText {
    const [first] = this.text;
    if (first === undefined) return this;
    const span = this.span(0, first.length);
    const spans = Array.from({ length: prefix.length }, (): Offset => span);
    for (let unit = 0; unit < this.text.length; unit++) spans.push(this.span(unit, unit + 1));
    return new AlignedText(prefix + this.text, this.#base, spans);
  }
}

function occurrences(
  text: string,
  { from, to }: { readonly from: string; readonly to: string },
): readonly Replacement[] {
  const found: Replacement[] = [];
  if (from === "") return found;
  for (let at = text.indexOf(from); at >= 0; at = text.indexOf(from, at + from.length)) {
    found.push({ start: at, end: at + from.length, text: to });
  }
  return found;
}

// A character with the marks that follow it, or a Hangul syllable in its letters: these compose, across them nothing does.
const CLUSTER =
  /[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?\p{M}*|[\uac00-\ud7a3][\u11a8-\u11ff]\p{M}*|\P{M}?\p{M}+|\P{M}/gu;

function composed(text: string): readonly Replacement[] {
  if (text.normalize("NFC") === text) return [];
  const found: Replacement[] = [];
  for (const { 0: cluster, index: start } of text.matchAll(CLUSTER)) {
    const spelled = cluster.normalize("NFC");
    if (spelled !== cluster) found.push({ start, end: start + cluster.length, text: spelled });
  }
  return found;
}
