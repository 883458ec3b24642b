/** Named sources → tokens, positions and places: vectors that a mapping's steps use beside the one that is written. */
import type { SpecIssue } from "../errors.ts";
import type { LayerName, NamedSource, PatchscopeSpec } from "../spec/spec.ts";
import type { PlanModel } from "./encode-prompt.ts";
import type { PlannedSource } from "./plan.ts";
import { resolveLayer, resolvePosition } from "./resolve.ts";
import { checkInFile, encodeSource, fileLayers, type VectorFiles } from "./vectors.ts";

interface Sources {
  readonly model: PlanModel;
  readonly files: VectorFiles | undefined;
  readonly issues: SpecIssue[];
  /** Of the states that are mapped. */
  readonly layers: readonly LayerName[];
}

/** The sources that the mapping names; others are checked, and not read. */
export function planSources(spec: PatchscopeSpec, sources: Sources): readonly PlannedSource[] {
  const used = new Set(
    [spec.mapping].flat().flatMap((step) => {
      if ("with" in step) return step.with;
      return "onto" in step ? step.onto : [];
    }),
  );
  return Object.entries(spec.sources).flatMap(([name, source]) => {
    const planned = planSource(name, source, { ...sources, spec });
    return used.has(name) && planned !== undefined ? [planned] : [];
  });
}

function planSource(
  name: string,
  source: NamedSource,
  { spec, model, files, issues, layers }: Sources & { readonly spec: PatchscopeSpec },
): PlannedSource | undefined {
  const path = ["sources", name];
  const { prompt, vectors } = encodeSource(source, model, { path, issues, files });
  const at = { prompt, side: "source", path: [...path, "position"], issues } as const;
  const position = resolvePosition(source.position, at);
  const inLayer = { model, path: [...path, "layer"], issues };
  const layer = source.layer === "same" ? undefined : resolveLayer(source.layer, inLayer);
  if (vectors?.layerCount !== undefined) {
    const needed = layer === undefined ? layers : [layer];
    checkInFile(needed, fileLayers(vectors, model, inLayer), inLayer);
  }
  if (position === undefined) return undefined;
  const place =
    source.layer === "same" || layer === undefined
      ? ("same" as const)
      : layer === "embedding"
        ? { site: "resid_pre" as const, layer: 0 }
        : { site: vectors?.site ?? spec.source.site, layer };
  return { name, tokens: prompt.tokens, file: vectors, position, place };
}
