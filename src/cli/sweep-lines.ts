/** A sample and its result as a line of JSON, or as rows of a table. */
import { csvLine, csvTable } from "../render/csv.ts";
import { metricNames } from "../render/metric-figures.ts";
import type { PatchscopeResult } from "../result/result.ts";
import type { PlacedSample } from "./read-samples.ts";
import type { SweepRequest } from "./sweep-request.ts";

/** A line as it is written. Times are no part of it: passes are shared, and the same sweep is the same file. */
export function sweepLine({ fields }: PlacedSample, result: PatchscopeResult): string {
  return JSON.stringify({ sample: fields, ...result, timing: { loadMs: 0, runMs: 0 } });
}

/** A sample's rows of the table, its fields first. */
export function tableRows(
  { fields }: PlacedSample,
  result: PatchscopeResult,
  {
    samples,
    names,
    hasHeader,
  }: Pick<SweepRequest, "samples" | "names"> & { readonly hasHeader: boolean },
): string {
  const { header, rows } = csvTable(result);
  // A metric of a token that differs from sample to sample is one column.
  const own = metricNames(result);
  const columns = header.map((name) => names[own.indexOf(name)] ?? name);
  const fieldNames = new Set(samples.flatMap((each) => Object.keys(each.fields)));
  const heads = Array.from(fieldNames, (name) =>
    columns.includes(name) ? `sample_${name}` : name,
  );
  const values = Array.from(fieldNames, (name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const isPlain = ["string", "number", "undefined"].includes(typeof value);
    return isPlain ? (value as string | number | undefined) : JSON.stringify(value);
  });
  const lines = rows.map((row) => csvLine([...values, ...row]));
  return [...(hasHeader ? [csvLine([...heads, ...columns])] : []), ...lines].join("\n");
}
