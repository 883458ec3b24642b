/** The presets as functions, for those who write code: `presets.logitLens({ prompt, model })` is the spec of `logit-lens`. */
import type { PatchscopeSpec } from "../spec.ts";
import type { PresetRequest } from "./preset.ts";
import { PRESET_NAMES, presetSpec, type PresetName } from "./presets.ts";

type CamelCase<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** Each preset's spec for a request. They throw `spec-invalid` for options that the preset lacks or has no use for. */
export type PresetFunctions = {
  readonly [Name in PresetName as CamelCase<Name>]: (request: PresetRequest) => PatchscopeSpec;
};

/** The presets by their names in camel case. */
export const presets: PresetFunctions = Object.fromEntries(
  PRESET_NAMES.map((name) => [
    camelCase(name),
    (request: PresetRequest) => presetSpec(name, request),
  ]),
) as PresetFunctions;

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
