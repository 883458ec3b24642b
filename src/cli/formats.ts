/** The forms that a result can be printed in. */
import type { PatchscopeResult } from "../result/result.ts";
import { csv } from "../render/csv.ts";
import { json } from "../render/json.ts";
import { markdown } from "../render/markdown.ts";
import { optionWrong } from "./errors.ts";

const FORMATS = ["table", "json", "csv", "md"] as const;
export type Format = (typeof FORMATS)[number];

export const FORMAT_HELP = "table, json, csv or md (default: by the name of --out, else";

/** The value of `--format`. */
export function parseFormat(value: string): Format {
  const format = FORMATS.find((each) => each === value);
  if (format !== undefined) return format;
  throw optionWrong({ option: "--format", expected: "table, json, csv or md", got: value });
}

/** The value of `--format` where nothing but a table and JSON makes sense. */
export function parseTableOrJson(value: string): "table" | "json" {
  if (value === "table" || value === "json") return value;
  throw optionWrong({ option: "--format", expected: "table or json", got: value });
}

/** What was asked for, else what the file's name says, else the command's own. */
export function chosenFormat(
  options: { readonly format?: Format | undefined; readonly out?: string | undefined },
  byDefault: Format,
): Format {
  const ending = /\.(json|csv|md)$/u.exec(options.out ?? "")?.[1];
  return options.format ?? FORMATS.find((each) => each === ending) ?? byDefault;
}

/** A result in one of the forms that are the same everywhere. */
export function formatted(result: PatchscopeResult, format: Exclude<Format, "table">): string {
  switch (format) {
    case "json":
      return json(result);
    case "csv":
      return csv(result);
    case "md":
      return markdown(result);
  }
}
