/** Plots as SVG: the one file that knows the plotting library, which only who writes the page needs. */
import type * as Library from "@observablehq/plot";
import { PatchscopesError } from "patchscopes";
import type { Plot, Series } from "../figure.ts";

const SIZE = { width: 640, height: 360, marginLeft: 56, marginBottom: 40, marginRight: 24 };
const COLOURS = { measured: "#1f5fa8", reference: "#8a8a8a" };

/** Both axes from zero, so that a straight line through the corner is proportional growth. */
export async function plotSvg(plot: Plot): Promise<string> {
  const { library, document } = await load();
  const element = library.plot({
    ...SIZE,
    document,
    style: { background: "white", color: "#222", fontSize: "12px" },
    x: { label: plot.x, domain: [0, Math.max(...numbers(plot, "x"))], nice: true },
    y: { label: plot.y, domain: [0, 1.08 * Math.max(...numbers(plot, "y"))], grid: true },
    marks: [
      library.ruleY([0]),
      library.ruleX([0]),
      ...plot.series.flatMap((series) => marksOf(library, series)),
    ],
  });
  return `${withNamespace(element.outerHTML)}\n`;
}

function marksOf(library: typeof Library, { name, points, isReference = false }: Series) {
  const stroke = isReference ? COLOURS.reference : COLOURS.measured;
  const look = isReference ? { strokeDasharray: "3,4" } : { marker: "dot" as const };
  return [
    library.lineY(points, { x: "x", y: "y", stroke, strokeWidth: 2, ...look }),
    // Beside the middle of its line, so that two lines that end together have readable names.
    library.text(points.slice(isReference ? 1 : -1, isReference ? 2 : undefined), {
      ...{ x: "x", y: "y", text: () => name, fill: stroke },
      ...(isReference ? { dy: 16, textAnchor: "start" } : { dy: -12, textAnchor: "end" }),
    }),
  ];
}

function numbers({ series }: Plot, axis: "x" | "y"): number[] {
  return series.flatMap(({ points }) => points.map((point) => point[axis]));
}

/** Pages take an element as it is; a file needs to say what it is. */
function withNamespace(svg: string): string {
  return svg.includes("xmlns=")
    ? svg
    : svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ');
}

async function load() {
  try {
    const library = await import("@observablehq/plot");
    const { parseHTML } = await import("linkedom");
    const { document } = parseHTML("<!doctype html><html><body></body></html>");
    return { library, document };
  } catch (cause) {
    throw new PatchscopesError({
      code: "usage",
      message: "The plots of the page need packages that are not installed.",
      hint: "npm install @observablehq/plot linkedom",
      cause,
    });
  }
}
