/**
 * Holds a precision, or a device, against float32 on the CPU: the same sentences through both engines, one engine after the
 * other, so that only one is in memory. Of the first, states and logits of at most {@link VERIFY_TOKENS} tokens a sentence are kept.
 */
import type { Engine, EngineInfo, Precision } from "../engine/engine.ts";
import type { SpecIssue } from "../errors.ts";
import { assert, specInvalid } from "../errors.ts";
import type { FidelityReport, Summary } from "../measure/fidelity.ts";
import { commonLength, cosine, divergence, furthest, shareOf } from "../measure/fidelity.ts";
import { VERIFY_SENTENCES } from "../measure/verify-sentences.ts";
import type { PlanModel } from "../plan/encode-prompt.ts";
import { encodePrompt } from "../plan/encode-prompt.ts";

/** With 14 sentences and a vocabulary of 262,144 their logits are 352 MB. */
const VERIFY_TOKENS = 24;

/** Greedy tokens behind each sentence. */
const VERIFY_GENERATED = 20;

export interface VerifyRequest {
  readonly model: PlanModel;
  readonly precision: Precision;
  /** Loads the model; disposed of here. */
  readonly open: (precision: Precision) => Promise<Engine>;
  /** Loads it in float32 on the CPU, where `open` loads it on another device; disposed of here. */
  readonly openBaseline?: () => Promise<Engine>;
  readonly signal?: AbortSignal | undefined;
  /** Called before each sentence. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export interface VerifyProgress {
  readonly precision: Precision;
  readonly device: string;
  readonly done: number;
  readonly total: number;
}

/**
 * Compares a precision with float32.
 * @throws `spec-invalid` for a model without a tokenizer; `engine`; `aborted`
 */
export async function verifyPrecision(request: VerifyRequest): Promise<FidelityReport> {
  const prompts = sentences(request.model);
  const { open, openBaseline = () => open("float32"), precision } = request;
  const expected: Seen[] = [];
  await eachPrompt(request, { open: openBaseline, precision: "float32", prompts }, (seen) => {
    expected.push(seen);
  });
  const comparison = new Comparison(request, prompts);
  const subject = { open: () => open(precision), precision, prompts };
  const { device } = await eachPrompt(request, subject, (seen, index) => {
    const baseline = expected[index];
    assert(baseline, "float32 has run every prompt");
    comparison.add(index, baseline, seen);
  });
  return comparison.report(device);
}

interface VerifyPrompt {
  readonly text: string;
  readonly tokens: readonly number[];
}

function sentences(model: PlanModel): readonly VerifyPrompt[] {
  const issues: SpecIssue[] = [];
  const longest = Math.max(1, model.architecture.maxPositions - VERIFY_GENERATED);
  const prompts = VERIFY_SENTENCES.map((text) => {
    const { tokens } = encodePrompt({ prompt: text }, model, { path: ["prompt"], issues });
    return { text, tokens: tokens.slice(0, Math.min(VERIFY_TOKENS, longest)) };
  });
  const [first] = issues;
  if (first !== undefined) throw specInvalid([first]);
  return prompts;
}

/** What an engine computes of one prompt. */
interface Seen {
  /** For each layer `[tokens, hidden]`. */
  readonly states: readonly Float32Array[];
  /** `[tokens, vocab]` */
  readonly logits: Float32Array;
  /** `[tokens]`: the most probable next ones. */
  readonly top: Int32Array;
  readonly generated: readonly number[];
}

async function eachPrompt(
  { signal, onProgress }: VerifyRequest,
  run: {
    readonly open: () => Promise<Engine>;
    readonly precision: Precision;
    readonly prompts: readonly VerifyPrompt[];
  },
  use: (seen: Seen, index: number) => void,
): Promise<EngineInfo> {
  const { open, precision, prompts } = run;
  const engine = await open();
  const { device } = engine.info;
  try {
    for (const [done, { tokens }] of prompts.entries()) {
      onProgress?.({ precision, device, done, total: prompts.length });
      use(await look(engine, tokens, signal), done);
    }
    return engine.info;
  } finally {
    await engine.dispose();
  }
}

async function look(
  engine: Engine,
  tokens: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Seen> {
  const taps = Array.from({ length: engine.architecture.layers }, (_, layer) => ({
    site: "resid_post" as const,
    layer,
  }));
  const at = tokens.map((_, offset) => ({ row: 0, offset }));
  const read = { at, topK: 1, logits: true };
  const output = await engine.run(
    { kind: "prefill", length: tokens.length, rows: [{ tokens }], taps, read, keep: true },
    signal,
  );
  assert(output.read?.logits && output.cache, "all was read and kept");
  const { topTokens: top, logits } = output.read;
  const { cache } = output;
  try {
    const generated = [top.at(-1) ?? 0];
    while (generated.length < VERIFY_GENERATED) {
      const last = Int32Array.of(generated.at(-1) ?? 0);
      const step = { at: [{ row: 0, offset: 0 }], topK: 1 };
      const next = await engine.run({ kind: "decode", cache, tokens: last, read: step }, signal);
      generated.push(next.read?.topTokens[0] ?? 0);
    }
    return { states: output.taps, logits, top, generated };
  } finally {
    cache.dispose();
  }
}

/** Adds up what is compared, prompt by prompt. */
class Comparison {
  readonly #request: VerifyRequest;
  readonly #prompts: readonly VerifyPrompt[];
  readonly #cosines: Total[];
  readonly #common: number[] = [];
  readonly #kl = new Total(Math.max);
  #worstAt = { prompt: "", position: 0 };
  #furthest = 0;
  #agreed = 0;

  constructor(request: VerifyRequest, prompts: readonly VerifyPrompt[]) {
    this.#request = request;
    this.#prompts = prompts;
    const { layers } = request.model.architecture;
    this.#cosines = Array.from({ length: layers }, () => new Total(Math.min));
  }

  add(index: number, expected: Seen, got: Seen): void {
    const prompt = this.#prompts[index];
    assert(prompt, "a prompt was run");
    const { hiddenSize, vocabSize } = this.#request.model.architecture;
    for (let position = 0; position < prompt.tokens.length; position++) {
      const of = (numbers: Float32Array | undefined, width: number): Float32Array =>
        (numbers ?? new Float32Array(0)).subarray(position * width, (position + 1) * width);
      if (expected.top[position] === got.top[position]) this.#agreed += 1;
      const logits = [of(expected.logits, vocabSize), of(got.logits, vocabSize)] as const;
      const nats = divergence(...logits);
      this.#furthest = Math.max(this.#furthest, furthest(...logits));
      if (this.#kl.add(nats)) this.#worstAt = { prompt: prompt.text, position };
      for (const [layer, total] of this.#cosines.entries()) {
        total.add(
          cosine(of(expected.states[layer], hiddenSize), of(got.states[layer], hiddenSize)),
        );
      }
    }
    this.#common.push(commonLength(expected.generated, got.generated));
  }

  report(device: string): FidelityReport {
    const positions = this.#kl.count;
    return {
      precision: this.#request.precision,
      device,
      prompts: this.#prompts.length,
      positions,
      top1: shareOf(this.#agreed, positions),
      kl: { ...this.#kl.summary(), ...this.#worstAt },
      probability: this.#furthest,
      cosine: this.#cosines.map((total) => total.summary()),
      generations: { tokens: VERIFY_GENERATED, common: this.#common },
    };
  }
}

/** A mean and the worst value on the way. */
class Total {
  readonly #worse: (a: number, b: number) => number;
  #sum = 0;
  #worst: number | undefined;
  count = 0;

  constructor(worse: (a: number, b: number) => number) {
    this.#worse = worse;
  }

  /** Whether the value is the worst so far. */
  add(value: number): boolean {
    const before = this.#worst;
    this.#worst = before === undefined ? value : this.#worse(before, value);
    this.#sum += value;
    this.count += 1;
    return !Object.is(before, this.#worst);
  }

  summary(): Summary {
    return { mean: this.#sum / this.count, worst: this.#worst ?? NaN };
  }
}
