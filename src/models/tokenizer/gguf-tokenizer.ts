/** The tokenizer that a GGUF file's metadata describes (`tokenizer.ggml.*`). */
import { modelUnreadable, modelUnsupported } from "../errors.ts";
import type { Tokenizer } from "../model.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import { makeByteLevelTokenizer } from "./byte-level-tokenizer.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { CutStep } from "./pre-tokenize.ts";

const BYTE_LEVEL_MODEL = "gpt2";

/** How each named pre-tokenizer cuts. Names are llama.cpp's. */
const STEPS: Readonly<Record<string, readonly CutStep[]>> = {
  "gpt-2": ["gpt2-words"],
  smollm: ["digits", "gpt2-words"],
};

/** Token types that are found in a text: unknown, control, user-defined. */
const FOUND_TYPES: ReadonlySet<number> = new Set([2, 3, 4]);

/**
 * The tokenizer; `undefined` where the file has none.
 * @throws `model-unsupported` for another kind of vocabulary or pre-tokenizer, naming it
 */
export function readGgufTokenizer(metadata: GgufMetadata): Tokenizer | undefined {
  const kind = metadata.string("tokenizer.ggml.model");
  const entries = metadata.strings("tokenizer.ggml.tokens");
  if (kind === undefined || entries === undefined) return undefined;
  const { file } = metadata;
  if (kind !== BYTE_LEVEL_MODEL) {
    throw modelUnsupported({
      file,
      missing: `its tokenizer is "${kind}", not "${BYTE_LEVEL_MODEL}"`,
    });
  }
  const merges = metadata.strings("tokenizer.ggml.merges");
  if (merges === undefined) {
    throw modelUnreadable({ file, problem: `"tokenizer.ggml.merges" is missing` });
  }
  if (metadata.boolean("tokenizer.ggml.add_eos_token") === true) {
    throw modelUnsupported({ file, missing: "its tokenizer ends every text with a token" });
  }
  const id = (key: string): number | undefined => tokenId(metadata, key, entries.length);
  const bos = id("bos_token_id");
  const eos = id("eos_token_id");
  const addsBos = metadata.boolean("tokenizer.ggml.add_bos_token") ?? false;
  return makeByteLevelTokenizer({
    entries,
    specials: findSpecials(metadata, entries.length),
    merges,
    takesWholeWords: false,
    normalizers: [],
    steps: stepsOf(metadata),
    bos: addsBos ? bos : undefined,
    endTokens: new Set([eos, id("eot_token_id")].filter((token) => token !== undefined)),
    chatTemplate: chatTemplateOf(metadata, entries, bos, eos),
  });
}

function stepsOf(metadata: GgufMetadata): readonly CutStep[] {
  const name = metadata.string("tokenizer.ggml.pre") ?? "default";
  const steps = Object.hasOwn(STEPS, name) ? STEPS[name] : undefined;
  if (steps !== undefined) return steps;
  const known = Object.keys(STEPS).map((one) => `"${one}"`);
  throw modelUnsupported({
    file: metadata.file,
    missing: `its pre-tokenizer is "${name}", and only ${known.join(", ")} are built`,
  });
}

function findSpecials(metadata: GgufMetadata, count: number): readonly number[] {
  const types = metadata.numbers("tokenizer.ggml.token_type");
  if (types === undefined) return [];
  if (types.length !== count) {
    const problem = `it has ${count} tokens and ${types.length} token types`;
    throw modelUnreadable({ file: metadata.file, problem });
  }
  const specials: number[] = [];
  for (let id = 0; id < count; id++) if (FOUND_TYPES.has(types[id] ?? 0)) specials.push(id);
  return specials;
}

function tokenId(metadata: GgufMetadata, name: string, count: number): number | undefined {
  const key = `tokenizer.ggml.${name}`;
  const id = metadata.number(key);
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id < count)) return id;
  const problem = `"${key}" is ${id}, and it has ${count} tokens`;
  throw modelUnreadable({ file: metadata.file, problem });
}

function chatTemplateOf(
  metadata: GgufMetadata,
  entries: readonly string[],
  bos: number | undefined,
  eos: number | undefined,
): ChatTemplate | undefined {
  const source = metadata.string("tokenizer.chat_template");
  if (source === undefined) return undefined;
  const text = (token: number | undefined): string =>
    token === undefined ? "" : (entries[token] ?? "");
  return { source, bosToken: text(bos), eosToken: text(eos) };
}
