/**
 * Many sources read with one target: the states of all of them are captured once and stand side by side as if they were
 * the positions of one prompt, so that one plan, and few passes, read them all. What is asked of them is the spec's.
 */
import { assert, specInvalid, type SpecIssue } from "../errors.ts";
import { encodePrompt } from "../plan/encode-prompt.ts";
import { entryOf } from "../plan/entry.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import { resolvePosition } from "../plan/resolve.ts";
import type { PatchscopeSpec, SinglePosition } from "../spec/spec.ts";
import type { CellReadOut } from "./read-cells.ts";
import type { CellOutput, RunEvent } from "./run-plan.ts";
import { runPlan } from "./run-plan.ts";
import { planSpec } from "./run-spec.ts";
import type { ReadyModel } from "./run-spec.ts";
import { capturePrompts, placeKey, PromptStates } from "./vectors.ts";

/** A text one of whose states is read. */
export interface SourceText {
  readonly prompt: string;
  readonly position: SinglePosition;
}

/** A source layer and the target layer that its state is written at. */
export interface LayerPair {
  readonly source: number;
  readonly target: number;
}

/** One state of each of several texts, at some layers: the output of the block. */
export interface SourceStates {
  /** Each source as tokens, and which of them it is. */
  readonly places: readonly {
    readonly tokens: readonly number[];
    readonly position: number;
    readonly pieces: readonly string[];
  }[];
  readonly layers: readonly number[];
  /** One position for each source. */
  readonly states: PromptStates;
}

/** Captures one state of each text at every layer named. Throws `spec-invalid` where a token is not found. */
export async function captureSources(
  sources: readonly SourceText[],
  layers: readonly number[],
  { on, signal }: { readonly on: ReadyModel; readonly signal?: AbortSignal | undefined },
): Promise<SourceStates> {
  const issues: SpecIssue[] = [];
  const places = sources.map((source, index) => {
    const path = ["sources", index];
    const prompt = encodePrompt(source, on.model, { path, issues });
    const at = { prompt, side: "source", path: [...path, "position"], issues } as const;
    return {
      tokens: prompt.tokens,
      pieces: prompt.pieces,
      position: resolvePosition(source.position, at) ?? 0,
    };
  });
  if (issues.length > 0) throw specInvalid(issues);
  const sites = [...new Set(layers)].map((layer) => ({ site: "resid_post", layer }) as const);
  const captured = await capturePrompts(
    on.engine,
    places.map(({ tokens }) => tokens),
    sites,
    signal,
  );
  const { hiddenSize } = on.engine.architecture;
  const states = new Map(
    sites.map((site) => {
      const side = new Float32Array(places.length * hiddenSize);
      for (const [index, { position }] of places.entries()) {
        const state = captured[index]?.at({ ...site, position });
        assert(state, "every source was captured");
        side.set(state, index * hiddenSize);
      }
      return [placeKey(site), side] as const;
    }),
  );
  const tokens = places.map(({ tokens: of, position }) => of[position] ?? 0);
  return {
    places,
    layers: [...new Set(layers)],
    states: new PromptStates(tokens, hiddenSize, states),
  };
}

export interface SourcesRequest {
  /** Target, read and controls are taken from it; its source only stands for the others. */
  readonly spec: PatchscopeSpec;
  readonly sources: SourceStates;
  readonly pairs: readonly LayerPair[];
  readonly on: ReadyModel;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: Extract<RunEvent, { kind: "progress" }>) => void) | undefined;
}

/** What each source says: by source, by pair of layers. */
export interface SourcesOutput {
  /** Where the states were written. */
  readonly target: Plan["target"];
  readonly sources: readonly (readonly CellOutput[])[];
  readonly unpatched: CellReadOut | undefined;
}

/** Reads every source at every pair of layers. */
export async function readManySources(request: SourcesRequest): Promise<SourcesOutput> {
  const { sources, pairs, on, signal, onProgress } = request;
  const plan = planOfSources(request);
  const output = await runPlan(plan, on.engine, {
    endTokens: on.model.endTokens,
    source: sources.states,
    signal,
    onEvent: (event) => {
      if (event.kind === "progress") onProgress?.(event);
    },
  });
  return {
    target: plan.target,
    sources: sources.places.map((_, index) =>
      output.cells.slice(index * pairs.length, (index + 1) * pairs.length),
    ),
    unpatched: output.unpatched,
  };
}

/** The plan of one source, with a cell for each source and pair in the place of its own. */
function planOfSources({ spec, sources, pairs, on }: SourcesRequest): Plan {
  const plan = planSpec(spec, on.model);
  const [model] = plan.cells;
  const [write] = model?.writes ?? [];
  assert(model && write, "a plan has a cell that writes");
  const cells = sources.places.flatMap((_, position) =>
    pairs.map((pair): PlannedCell => {
      const from = { ...write.from, layer: pair.source, position };
      const to = { ...write.to, layer: pair.target };
      const names = { source: pair.source, target: pair.target };
      return { ...model, writes: [{ from, to, names }], entry: entryOf(to) };
    }),
  );
  return {
    ...plan,
    cells,
    capture: {
      ...plan.capture,
      states: sources.layers.map((layer) => ({ site: "resid_post", layer })),
    },
  };
}
