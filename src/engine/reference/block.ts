/** One decoder block over one row, with every site open to whoever wants to read or overwrite it. */
import type { Site } from "../../site.ts";
import { attend, type Attention, type KeysValues } from "./attention.ts";
import { addSequences } from "./linear.ts";
import { feedForward, type Mlp } from "./mlp.ts";
import { normalize, type Norm } from "./norm.ts";

export interface Block {
  readonly attnNorm: Norm;
  readonly attention: Attention;
  readonly mlpNorm: Norm;
  readonly mlp: Mlp;
}

/** Is shown a site's states, a vector a position, and may change them in place before they are used. */
export type Visit = (site: Site, states: readonly Float32Array[]) => void;

/** Runs the block behind the keys and values of `past`; returns `resid_post` and the keys and values to keep. */
export function runBlock(
  block: Block,
  residPre: readonly Float32Array[],
  past: KeysValues,
  visit: Visit,
): { readonly residPost: readonly Float32Array[]; readonly kept: KeysValues } {
  visit("resid_pre", residPre);
  const normed = residPre.map((x) => normalize(block.attnNorm, x));
  const { outputs: attnOut, kept } = attend(block.attention, normed, past);
  visit("attn_out", attnOut);
  const residMid = addSequences(residPre, attnOut);
  visit("resid_mid", residMid);
  const mlpOut = residMid.map((x) => feedForward(block.mlp, normalize(block.mlpNorm, x)));
  visit("mlp_out", mlpOut);
  const residPost = addSequences(residMid, mlpOut);
  visit("resid_post", residPost);
  return { residPost, kept };
}
