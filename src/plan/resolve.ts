/**
 * Relative references become absolutes: layers by the model, positions by a prompt's tokens and text.
 * What does not exist is left out of the answer and added to the caller's issues, so that all are found at once.
 */
import type { SpecIssue } from "../errors.ts";
import { isList } from "../spec/is-list.ts";
import type {
  FindPosition,
  FindSpan,
  LayerName,
  LayerRange,
  LayerRef,
  LayersTogether,
  OffsetPosition,
  PositionRange,
  PositionRef,
  SinglePosition,
} from "../spec/spec.ts";
import type { EncodedPrompt } from "./encode-prompt.ts";
import { needsTokenizer } from "./errors/prompts.ts";
import {
  emptyPositions,
  emptyRange,
  layerOutOfRange,
  occurrenceOutOfRange,
  offsetOutOfRange,
  positionOutOfRange,
  textNotFound,
  textWithoutToken,
  type Side,
} from "./errors/references.ts";
import { positionOutsidePadded } from "./errors/padding.ts";
import { firstTokenOf, lastTokenOf, occurrenceOf, startsOf } from "./texts.ts";

/** Where references are resolved, and where what is wrong with them goes. */
export interface Resolving {
  readonly model: { readonly name: string; readonly architecture: { readonly layers: number } };
  readonly path: SpecIssue["path"];
  readonly issues: SpecIssue[];
}

/** The layers of a reference, in its order. */
export function resolveLayers(ref: LayerRef | LayersTogether, at: Resolving): LayerName[] {
  const { layers } = at.model.architecture;
  if (ref === "all") return Array.from({ length: layers }, (_, layer) => layer);
  if (isList(ref)) {
    return ref.flatMap((entry, index) => resolveLayer(entry, within(at, index)) ?? []);
  }
  if (typeof ref === "object") {
    return "together" in ref
      ? resolveLayers(ref.together, within(at, "together"))
      : resolveRange(ref, at);
  }
  return [resolveLayer(ref, at) ?? []].flat();
}

/** One layer; undefined, with an issue, where the model does not have it. */
export function resolveLayer(name: LayerName, at: Resolving): LayerName | undefined {
  if (name === "embedding") return name;
  const { layers } = at.model.architecture;
  const layer = name < 0 ? layers + name : name;
  if (layer >= 0 && layer < layers) return layer;
  at.issues.push(layerOutOfRange({ layer: name, layers, model: at.model.name, path: at.path }));
  return undefined;
}

function resolveRange(range: LayerRange, at: Resolving): LayerName[] {
  const from = resolveLayer(range.from, within(at, "from"));
  const to = resolveLayer(range.to, within(at, "to"));
  if (typeof from !== "number" || typeof to !== "number") return [];
  if (from > to) at.issues.push(emptyRange(from, to, at.path));
  const count = Math.max(0, Math.floor((to - from) / range.step) + 1);
  return Array.from({ length: count }, (_, index) => from + index * range.step);
}

/** A prompt whose positions are resolved. */
export interface ResolvingPositions extends Omit<Resolving, "model"> {
  readonly side: Side;
  readonly prompt: EncodedPrompt;
}

/** The positions of a reference, in its order. */
export function resolvePositions(ref: PositionRef, at: ResolvingPositions): number[] {
  if (ref === "all") return Array.from({ length: countOf(at.prompt) }, (_, position) => position);
  if (isList(ref)) {
    return ref.flatMap((entry, index) => resolvePosition(entry, within(at, index)) ?? []);
  }
  if (typeof ref === "object" && "from" in ref) return resolveSpan(ref, at);
  if (typeof ref === "object" && "token" in ref && ref.token === "all") return findSpan(ref, at);
  return [resolvePosition(ref, at) ?? []].flat();
}

function resolveSpan(range: PositionRange, at: ResolvingPositions): number[] {
  const from = resolvePosition(range.from, within(at, "from"));
  const to = resolvePosition(range.to, within(at, "to"));
  if (from === undefined || to === undefined) return [];
  if (from > to) at.issues.push(emptyPositions(from, to, at.path));
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** How many positions a prompt has, or a file of vectors in its place. */
function countOf({ count, tokens }: EncodedPrompt): number {
  return count ?? tokens.length;
}

/** All tokens from the one that holds the first character of a text to the one that holds its last. */
function findSpan({ find, occurrence }: FindSpan, at: ResolvingPositions): number[] {
  const first = resolvePosition({ find, occurrence, token: "first" }, at);
  if (first === undefined) return [];
  const last = resolvePosition({ find, occurrence, token: "last" }, at) ?? first;
  return Array.from({ length: last + 1 - first }, (_, offset) => first + offset);
}

/** One position; undefined, with an issue, where the prompt does not have it. */
export function resolvePosition(ref: SinglePosition, at: ResolvingPositions): number | undefined {
  const count = countOf(at.prompt);
  // A prompt without tokens already is an issue.
  if (count === 0) return undefined;
  if (typeof ref !== "number") return "offset" in ref ? tokenAt(ref, at) : findToken(ref, at);
  const padding = at.prompt.unseenPadding ?? 0;
  const position = ref < 0 ? count + ref : ref - padding;
  if (position >= 0 && position < count) return position;
  const facts = { position: ref, side: at.side, path: at.path };
  at.issues.push(
    padding === 0
      ? positionOutOfRange({ count, ...facts })
      : positionOutsidePadded({ count, padding, ...facts }),
  );
  return undefined;
}

/** The token that holds the first or last character of a text, wherever tokens begin and end. */
function findToken(ref: FindPosition, at: ResolvingPositions): number | undefined {
  const { prompt, side, path, issues } = at;
  const { find, occurrence } = ref;
  if (prompt.written === undefined) {
    issues.push(needsTokenizer("finding a position by its text", "Give its index.", path));
    return undefined;
  }
  const { text, offsets } = prompt.written;
  const starts = startsOf(find, text);
  if (starts.length === 0) {
    issues.push(textNotFound({ find, pieces: prompt.pieces, side, path }));
    return undefined;
  }
  const start = occurrenceOf(starts, occurrence);
  if (start === undefined) {
    issues.push(occurrenceOutOfRange({ find, occurrence, count: starts.length, path }));
    return undefined;
  }
  const tokenOf = ref.token === "first" ? firstTokenOf : lastTokenOf;
  const token = tokenOf([start, start + find.length], offsets);
  if (token >= 0) return token;
  issues.push(textWithoutToken(find, path));
  return undefined;
}

/** The last token that holds a part of a character. */
function tokenAt({ offset }: OffsetPosition, at: ResolvingPositions): number | undefined {
  const { prompt, side, path, issues } = at;
  if (prompt.written === undefined) {
    issues.push(needsTokenizer("finding a position by its offset", "Give its index.", path));
    return undefined;
  }
  const { text, offsets } = prompt.written;
  const characters = Array.from(text);
  const number = offset < 0 ? characters.length + offset : offset;
  const character = characters[number];
  if (character === undefined) {
    issues.push(offsetOutOfRange({ offset, count: characters.length, side, path }));
    return undefined;
  }
  const start = characters.slice(0, number).join("").length;
  const token = lastTokenOf([start, start + character.length], offsets);
  if (token >= 0) return token;
  issues.push(textWithoutToken(character, path));
  return undefined;
}

function within<At extends { readonly path: SpecIssue["path"] }>(at: At, key: string | number): At {
  return { ...at, path: [...at.path, key] };
}
