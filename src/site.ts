/** Where in a block a hidden state is read or written; a leaf that every stage may import. */

/** Names of TransformerLens. What each one is: GLOSSARY.md. */
export const SITES = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"] as const;
export type Site = (typeof SITES)[number];
