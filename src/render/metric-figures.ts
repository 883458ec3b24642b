/** Metrics as people read them: their names, their digits, and the two runs that they are held against. */
import type { MetricValues, PatchscopeResult } from "../result/result.ts";
import { metricName } from "../spec/metric-name.ts";

/** The metrics of a result, in the spec's order. */
export function metricNames({ spec }: PatchscopeResult): readonly string[] {
  return spec.metrics.map(metricName);
}

/** Three digits of a number, four decimals of a small one; ranks as they are. */
export function metricLabel(name: string, value: number | undefined): string {
  if (value === undefined) return "";
  if (name.startsWith("rank") || name.startsWith("same-token")) {
    return Number.isInteger(value) ? String(value) : value.toFixed(2);
  }
  const label = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
  return label.includes("e") ? value.toFixed(4) : label;
}

/** The runs beside the cells that have metrics. */
export function metricRuns({
  source,
  controls,
}: PatchscopeResult): readonly { readonly label: string; readonly values: MetricValues }[] {
  const { metrics: own } = source;
  const unpatched = controls.unpatched?.metrics;
  return [
    ...(own === undefined ? [] : [{ label: "The source's own run", values: own }]),
    ...(unpatched === undefined ? [] : [{ label: "Without the vector", values: unpatched }]),
  ];
}
