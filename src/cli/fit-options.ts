/** The options of `patchscopes fit` that say what kind of map is learned, as they are typed. */
import type { FitRecord } from "../mapping/fitted-mapping.ts";
import { FITTED_KINDS, type FittedKind } from "../map-kinds.ts";
import type { Fit } from "../run/fit-mapping.ts";
import { DEFAULT_RANK } from "../mapping/solve-map.ts";
import { DEFAULT_HIDDEN } from "../mapping/train-mlp.ts";
import { parseSiteName } from "../site-names.ts";
import { isSite, SITES, type Site } from "../site.ts";
import { optionsConflict, optionWrong } from "./errors.ts";

/** What `--kind` names: the kinds of maps, and the way of learning one from relations. */
export type FitKind = FittedKind | "lre";
export const FIT_KINDS: readonly FitKind[] = [...FITTED_KINDS, "lre"];

export interface KindOptions {
  readonly kind: FitKind;
  readonly ridge: number | "auto";
  readonly rank?: number | undefined;
  readonly hidden?: number | undefined;
  readonly ahead: number;
  readonly beta?: number | undefined;
  readonly examples?: number | undefined;
}

/** A kind of map that is learned. */
export function parseKind(value: string): FitKind {
  const kind = FIT_KINDS.find((each) => each === value);
  if (kind !== undefined) return kind;
  throw optionWrong({ option: "--kind", expected: FIT_KINDS.join(", "), got: value });
}

/** A layer, which may count from the end. */
export function parseLayer(value: string): number {
  if (/^-?\d+$/u.test(value)) return Number(value);
  throw optionWrong({ option: "--to", expected: "a layer such as 12 or -1", got: value });
}

/** A ridge, or `auto` for one that is chosen. */
export function parseRidge(value: string): number | "auto" {
  if (value === "auto") return value;
  const ridge = Number(value);
  if (value.trim() !== "" && Number.isFinite(ridge) && ridge >= 0) return ridge;
  throw optionWrong({ option: "--ridge", expected: "a number from 0 on, or auto", got: value });
}

/** What derivatives are multiplied by. */
export function parseBeta(value: string): number {
  const beta = Number(value);
  if (value.trim() !== "" && Number.isFinite(beta) && beta > 0) return beta;
  throw optionWrong({ option: "--beta", expected: "a number above 0", got: value });
}

/** A site of the residual stream, in any spelling that names no layer. */
export function parseSite(value: string): Site {
  const { site, layer } = parseSiteName(value) ?? {};
  if (site !== undefined && isSite(site) && layer === undefined) return site;
  throw optionWrong({ option: "--site", expected: SITES.join(", "), got: value });
}

/** Refuses options of another kind of map. */
export function checkKindOptions({ kind, rank, hidden, beta, examples }: KindOptions): void {
  const own = [
    { option: "--rank", value: rank, for: "low-rank" },
    { option: "--hidden", value: hidden, for: "mlp" },
    { option: "--beta", value: beta, for: "lre" },
    { option: "--examples", value: examples, for: "lre" },
  ];
  const wrong = own.find((each) => each.value !== undefined && each.for !== kind);
  if (wrong === undefined) return;
  throw optionsConflict(
    `${wrong.option} is for --kind ${wrong.for}, and the kind is ${kind}.`,
    `Leave ${wrong.option} out, or give --kind ${wrong.for}.`,
  );
}

/** What a mapping's file says of these options. */
function kindRecord({
  kind,
  ridge,
  ahead,
  rank = DEFAULT_RANK,
  hidden = DEFAULT_HIDDEN,
}: KindOptions): Pick<FitRecord, "ridge" | "rank" | "hidden" | "ahead"> {
  return {
    ridge,
    ...(kind === "low-rank" ? { rank } : {}),
    ...(kind === "mlp" ? { hidden } : {}),
    ...(ahead === 0 ? {} : { ahead }),
  };
}

/** What a mapping's file says of a fit by least squares. */
export function fitRecord(
  { states, heldOutStates }: Pick<Fit, "states" | "heldOutStates">,
  used: { readonly texts: readonly unknown[]; readonly heldOut: readonly unknown[] },
  options: KindOptions & Pick<FitRecord, "data" | "seed">,
): FitRecord {
  const { data, seed } = options;
  const texts = used.texts.length + used.heldOut.length;
  return { data, texts, states, heldOutStates, seed, ...kindRecord(options) };
}

/** The options of a fit between two models. Throws `usage` for what is learned within one model only. */
export function acrossOptions<Options extends KindOptions & { readonly site: Site }>(
  options: Options,
): Options & { readonly kind: Exclude<FittedKind, "mlp"> } {
  const { kind, site, ahead } = options;
  if (kind !== "mlp" && kind !== "lre" && site === "resid_post" && ahead === 0) {
    return { ...options, kind };
  }
  throw optionsConflict(
    "--kind mlp and lre, --site and --ahead are for maps within one model, and there is --to-model.",
    "Leave them out, or fit maps within one model.",
  );
}
