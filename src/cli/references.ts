/** Layers, positions and token lists as people write them in options. Whether they exist is for the plan to say. */
import { isList } from "../spec/is-list.ts";
import type { LayerName, LayerRange, LayerRef, PositionRef, TargetSpec } from "../spec/spec.ts";
import { optionWrong } from "./errors.ts";

const INTEGER = /^-?\d+$/u;
const RANGE = /^(-?\d+)\.\.(-?\d+)(?::0*([1-9]\d*))?$/u;
const OFFSET = /^offset:(-?\d+)$/u;
const LAYERS =
  "all, embedding, a number, a range such as 0..10 or 0..28:4, or a list such as 0,5,10";

/** `all`, `embedding`, `3`, `-1`, `0..10`, `0..28:4`, `0,5,10`, `embedding,0..3`. */
export function parseLayers(text: string, option = "--layers"): LayerRef {
  if (text === "all") return "all";
  const parts = text.split(",").map((part) => parseLayerPart(part.trim(), text, option));
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return parts.flatMap((part): readonly LayerName[] =>
    isRange(part) ? expand(part, text, option) : [part],
  );
}

/** As {@link parseLayers}, or `same`: the source's. */
export function parseTargetLayer(text: string): TargetSpec["layer"] {
  return text === "same" ? "same" : parseLayers(text, "--target-layer");
}

function parseLayerPart(part: string, text: string, option: string): LayerName | LayerRange {
  if (part === "embedding") return part;
  if (INTEGER.test(part)) return Number(part);
  const [, from, to, step = 1] = RANGE.exec(part) ?? [];
  if (from !== undefined && to !== undefined)
    return { from: Number(from), to: Number(to), step: Number(step) };
  throw optionWrong({ option, expected: LAYERS, got: text });
}

function isRange(part: LayerName | LayerRange): part is LayerRange {
  return typeof part === "object";
}

// Bounds what a typing error can ask for; the deepest models have some hundred layers.
const MAX_RANGE = 10_000;

function expand(range: LayerRange, text: string, option: string): readonly number[] {
  const { from, to, step } = range;
  if (from < 0 || to < from || to - from > MAX_RANGE) {
    throw optionWrong({
      option,
      expected: "ranges inside a list to ascend from 0 or more",
      got: text,
      hint: "A range that counts from the end stands alone: 5..-1",
    });
  }
  const count = Math.floor((to - from) / step) + 1;
  return Array.from({ length: count }, (_, index) => from + index * step);
}

/**
 * A token by number (`-1` is the last), several (`0,1,2`), `all`, by the text that it holds, or by the number of a character in it
 * (`offset:17`). `"12"` in quotes is a text.
 */
export function parsePosition(text: string): PositionRef {
  if (text === "all") return "all";
  const parts = text.split(",");
  if (parts.every((part) => INTEGER.test(part.trim()))) {
    const [first, ...others] = parts.map(Number);
    if (first !== undefined) return others.length === 0 ? first : [first, ...others];
  }
  const offset = OFFSET.exec(text)?.[1];
  if (offset !== undefined) return { offset: Number(offset) };
  const quoted = /^"(.+)"$/su.exec(text)?.[1];
  return { find: quoted ?? text, occurrence: "first", token: "last" };
}

/** A position as {@link parsePosition} reads it; nothing for one that no option can say. */
export function positionText(position: PositionRef): string | undefined {
  if (typeof position === "number" || position === "all") return String(position);
  if (isList(position)) {
    return position.every((entry) => typeof entry === "number") ? position.join() : undefined;
  }
  if ("from" in position) return undefined;
  if ("offset" in position) return `offset:${position.offset}`;
  return INTEGER.test(position.find) || OFFSET.test(position.find)
    ? `"${position.find}"`
    : position.find;
}

/** Layers as they are typed; nothing for what cannot be. */
export function layersText(layers: TargetSpec["layer"]): string | undefined {
  if (typeof layers !== "object") return String(layers);
  if (isList(layers)) return layers.join();
  if (!("from" in layers)) return undefined;
  const { from, to, step } = layers;
  return `${from}..${to}${step === 1 ? "" : `:${step}`}`;
}

/** `1,2,3` */
export function parseTokens(text: string): readonly number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (!parts.every((part) => /^\d+$/u.test(part))) {
    throw optionWrong({ option: "--tokens", expected: "token ids such as 504,3575", got: text });
  }
  return parts.map(Number);
}

/** A whole number from 0 on, for the option named. */
export function parseWhole(option: string): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/u.test(value) && Number.isSafeInteger(number)) return number;
    throw optionWrong({ option, expected: "a whole number from 0 on", got: value });
  };
}

/** A whole number from 1 on, for the option named. */
export function parseCount(option: string): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!/^\d+$/u.test(text) || count < 1 || !Number.isSafeInteger(count)) {
      throw optionWrong({ option, expected: "a whole number from 1 on", got: text });
    }
    return count;
  };
}

/** `0.5,1,2` */
export function parseFactors(text: string): readonly number[] {
  const factors = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (factors.every(Number.isFinite)) return factors;
  throw optionWrong({ option: "--factors", expected: "numbers such as 0.5,1,2", got: text });
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", "\\": "\\" };

/** A text in which `\n`, `\t` and `\\` are a line break, a tab and a backslash: shells have no short way to write them. */
export function parseText(text: string, option: string): string {
  if (text === "") throw optionWrong({ option, expected: "a text", got: text });
  return text.replace(/\\([nt\\])/gu, (all, letter: string) => ESCAPES[letter] ?? all);
}

/** A number above 0. */
export function parseAmount(text: string, option: string): number {
  const amount = Number(text);
  if (text.trim() !== "" && Number.isFinite(amount) && amount > 0) return amount;
  throw optionWrong({ option, expected: "a number above 0", got: text });
}
