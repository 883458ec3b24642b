/** `--evidence`: what read-outs are held against, and what that is where nobody says. */
import type { LoadedModel } from "../node.ts";
import { loadVectorFiles, planSpec } from "../run/run-spec.ts";
import type { ControlSpec, PatchscopeSpec } from "../spec/spec.ts";
import { loadVectorsFile } from "./run-and-show.ts";

/** With so many cells at most, each is held against unrelated states where nobody says otherwise: that is most of the work. */
export const FULL_EVIDENCE_CELLS = 128;

export const EVIDENCE_KINDS = ["full", "unpatched", "none"] as const;

/** What the kinds of evidence are as controls. */
export const EVIDENCE: Readonly<Record<(typeof EVIDENCE_KINDS)[number], readonly ControlSpec[]>> = {
  full: [{ kind: "unpatched" }, { kind: "unrelated" }],
  unpatched: [{ kind: "unpatched" }],
  none: [],
};

/** The spec, without unrelated states where it has very many cells. */
export async function affordable(
  spec: PatchscopeSpec,
  { loaded, target }: { readonly loaded: LoadedModel; readonly target: LoadedModel | undefined },
): Promise<PatchscopeSpec> {
  if (spec.read.kind !== "generate") return spec;
  const vectors = await loadVectorFiles(spec, loadVectorsFile);
  const { cells } = planSpec(spec, loaded.model, { target: target?.model, vectors });
  if (cells.length <= FULL_EVIDENCE_CELLS) return spec;
  return { ...spec, controls: spec.controls.filter(({ kind }) => kind !== "unrelated") };
}
