/** How the byte-level vocabularies of GGUF files cut a text into words, by the name of their pre-tokenizer. */
import { modelUnsupported } from "../errors.ts";
import type { GgufMetadata } from "../weights/gguf-metadata.ts";
import type { ByteLevelVocabulary } from "./byte-level-tokenizer.ts";

/** What the name stands for. */
export interface GgufWords extends Pick<
  ByteLevelVocabulary,
  "normalizers" | "steps" | "takesWholeWords"
> {
  /** Whether texts begin with BOS where the file does not say. */
  readonly addsBos: boolean;
}

const GPT2: GgufWords = {
  normalizers: [],
  steps: ["gpt2-words"],
  takesWholeWords: false,
  addsBos: false,
};
const DIGITS: GgufWords = { ...GPT2, steps: ["digits", "gpt2-words"] };
const GPT4: GgufWords = { ...GPT2, steps: ["llama3-words"] };
const LLAMA3: GgufWords = { ...GPT4, takesWholeWords: true, addsBos: true };
const QWEN2: GgufWords = { ...GPT2, normalizers: [{ kind: "nfc" }], steps: ["qwen2-words"] };

/** Names are llama.cpp's; the spelling that goes before is that of the model's own tokenizer.json. */
const WORDS: Readonly<Record<string, GgufWords>> = {
  "gpt-2": GPT2,
  "phi-2": GPT2,
  olmo: { ...GPT2, normalizers: [{ kind: "nfc" }] },
  smollm: DIGITS,
  starcoder: DIGITS,
  refact: DIGITS,
  dbrx: GPT4,
  "llama-bpe": LLAMA3,
  llama3: LLAMA3,
  "llama-v3": LLAMA3,
  qwen2: QWEN2,
  "deepseek-r1-qwen": QWEN2,
  stablelm2: { ...QWEN2, normalizers: [] },
};

/** The file's. @throws `model-unsupported` for a name that is not built */
export function ggufWords(metadata: GgufMetadata): GgufWords {
  const name = metadata.string("tokenizer.ggml.pre") ?? "default";
  const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
  if (words !== undefined) return words;
  const known = Object.keys(WORDS).map((one) => `"${one}"`);
  throw modelUnsupported({
    file: metadata.file,
    missing: `its pre-tokenizer is "${name}", and only ${known.join(", ")} are built`,
  });
}
