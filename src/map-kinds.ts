/** The kinds of f that are learned, as specs, files of maps and `fit` name them. */
export const FITTED_KINDS = ["affine", "procrustes", "scalar-affine", "low-rank", "mlp"] as const;
export type FittedKind = (typeof FITTED_KINDS)[number];
