/** The table of presets, and the one way from a preset to a spec. */
import { specInvalid, type SpecIssue } from "../../errors.ts";
import { missingField, presetUnknown, unusedField } from "../errors.ts";
import { parseSpec } from "../schema.ts";
import type { PatchscopeSpec } from "../spec.ts";
import { ablation } from "./ablation.ts";
import { activationPatching } from "./activation-patching.ts";
import { attentionKnockout } from "./attention-knockout.ts";
import { attribute } from "./attribute.ts";
import { backPatching } from "./back-patching.ts";
import { caption } from "./caption.ts";
import { causalTracing } from "./causal-tracing.ts";
import { crossModelEntity } from "./cross-model-entity.ts";
import { emotion } from "./emotion.ts";
import { entity } from "./entity.ts";
import { futureLens } from "./future-lens.ts";
import { identity } from "./identity.ts";
import { latentQa } from "./latent-qa.ts";
import { linearShortcut } from "./linear-shortcut.ts";
import { logitLens } from "./logit-lens.ts";
import { lre } from "./lre.ts";
import { multiHopRepair } from "./multi-hop.ts";
import type { Preset, PresetOptions, PresetRequest } from "./preset.ts";
import { neighbours } from "./neighbours.ts";
import { propagation } from "./propagation.ts";
import { selfExplaining } from "./self-explaining.ts";
import { selfie } from "./selfie.ts";
import { tunedLens } from "./tuned-lens.ts";

/** The names, in the order in which they are best shown. */
export const PRESET_NAMES = [
  "entity",
  "identity",
  "attribute",
  "logit-lens",
  "tuned-lens",
  "linear-shortcut",
  "lre",
  "selfie",
  "latent-qa",
  "self-explaining",
  "future-lens",
  "cross-model-entity",
  "caption",
  "multi-hop-repair",
  "emotion",
  "propagation",
  "neighbours",
  "causal-tracing",
  "activation-patching",
  "attention-knockout",
  "ablation",
  "back-patching",
] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** The presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  entity,
  identity,
  attribute,
  "logit-lens": logitLens,
  "tuned-lens": tunedLens,
  "linear-shortcut": linearShortcut,
  lre,
  selfie,
  "latent-qa": latentQa,
  "self-explaining": selfExplaining,
  "future-lens": futureLens,
  "cross-model-entity": crossModelEntity,
  caption,
  "multi-hop-repair": multiHopRepair,
  emotion,
  propagation,
  neighbours,
  "causal-tracing": causalTracing,
  "activation-patching": activationPatching,
  "attention-knockout": attentionKnockout,
  ablation,
  "back-patching": backPatching,
};

/** The spec of a preset. Throws `spec-invalid` for options that the preset lacks or has no use for. */
export function presetSpec(name: PresetName, request: PresetRequest): PatchscopeSpec {
  const preset = PRESETS[name];
  const { model, position, layer, controls, contrast } = request;
  const prompt = Object.fromEntries(Object.entries(request).filter(([key]) => isPrompt(key)));
  const given = Object.entries(request)
    .filter(([key, value]) => key !== "model" && !isPrompt(key) && value !== undefined)
    .map(([key]) => key);
  const issues: SpecIssue[] = [
    ...preset.needs
      .filter((option) => !given.includes(option))
      .map((option) => missingField(preset, option)),
    ...given
      .filter((option) => !preset.takes.some((taken) => taken === option))
      .map((option) => unusedField(preset, option)),
  ];
  if (issues.length > 0) throw specInvalid(issues);
  // That the prompt is one of them is for the schema to see.
  const { source, ...fields } = preset.fields(request);
  return parseSpec({
    version: 1,
    source: { ...prompt, model, position, layer, ...defined(source ?? {}) },
    controls,
    contrast,
    ...fields,
  });
}

function isPrompt(key: string): boolean {
  return ["prompt", "tokens", "messages", "file", "tensor", "item"].includes(key);
}

/** Fields that a preset leaves undefined are the request's. */
function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The preset of this name. Throws `spec-invalid` for others, with the nearest name. */
export function presetName(name: string): PresetName {
  const known = PRESET_NAMES.find((preset) => preset === name);
  if (known === undefined) throw specInvalid([presetUnknown(name, PRESET_NAMES)]);
  return known;
}

export type { Preset, PresetOptions, PresetRequest };
