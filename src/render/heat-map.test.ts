import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { widthOf } from "./display-text.ts";
import { heatMapLines, heatMapMarkdown, type HeatMap } from "./heat-map.ts";
import { styleOf } from "./style.ts";

const map: HeatMap = {
  corner: "layer",
  rows: ["0", "1"],
  columns: [" The", " cat", " sat"],
  values: [
    [1, 0.5, 0],
    [undefined, 0.1, NaN],
  ],
  what: "difference",
};

function drawn(of: HeatMap, width = 80, unicode = true): readonly string[] {
  return heatMapLines(of, styleOf({ width, colour: false, unicode }));
}

describe("A heat map", () => {
  test("shows shades and numbers where there is room for both", () => {
    expect(drawn(map)).toEqual([
      "layer    The    cat    sat",
      "    0 █ 1.00 ▒ 0.50   0.00",
      "    1        · 0.10",
      "difference: · 0.00  ░ 0.20  ▒ 0.40  ▓ 0.60  █ 0.80 and more",
    ]);
  });

  test("shows shades alone where there is not, and columns by number", () => {
    const columns = Array.from({ length: 16 }, (_, at) => ` word${at}`);
    const lines = drawn({ ...map, rows: ["0"], columns, values: [columns.map((_, at) => at)] }, 72);
    expect(lines[0]).toBe(`layer${columns.map((_, at) => String(at).padStart(4)).join("")}`);
    expect(lines[1]).toContain(" ██");
    expect(lines.join("\n")).toContain("0 word0  1 word1");
  });

  test("is cut into blocks of columns where even those do not fit", () => {
    const columns = Array.from({ length: 40 }, (_, at) => `w${at}`);
    const lines = drawn({ ...map, rows: ["7"], columns, values: [columns.map(() => 1)] }, 60);
    expect(lines.filter((line) => line.startsWith("    7 "))).toHaveLength(4);
  });

  test("can be read in ASCII, and tells what is below 0 without colour", () => {
    const lines = drawn({ ...map, values: [[1, -1, 0], [0.3]] }, 80, false);
    expect(lines[1]).toBe("    0 #  1.00 # -1.00    0.00");
    expect(lines.at(-1)).toContain("below 0");
    expect(lines.join("")).toMatch(/^[\x20-\x7e]*$/u);
  });

  test("of zeros has no shades", () => {
    expect(drawn({ ...map, values: [[0, 0, -0]] })[1]).toBe("    0   0.00   0.00   0.00");
  });

  test("as Markdown is a table of the numbers", () => {
    expect(heatMapMarkdown({ ...map, columns: [" a|b", "\n", " "] })).toEqual([
      "difference:",
      "",
      "| layer | `a\\|b` | `\\n` | ` ` |",
      "| --- | --- | --- | --- |",
      "| `0` | 1.00 | 0.50 | 0.00 |",
      "| `1` |  | 0.10 |  |",
    ]);
  });
});

test("No line is wider than the terminal, whatever is shown", () => {
  const label = fc.string({ maxLength: 30 });
  const value = fc.option(fc.double({ min: -1000, max: 1000 }), { nil: undefined });
  const shape = fc.record({
    rows: fc.array(label, { minLength: 1, maxLength: 4 }),
    columns: fc.array(label, { minLength: 1, maxLength: 60 }),
    values: fc.array(fc.array(value, { maxLength: 60 }), { maxLength: 4 }),
    width: fc.integer({ min: 48, max: 160 }),
    unicode: fc.boolean(),
  });
  fc.assert(
    fc.property(shape, ({ width, unicode, ...of }) => {
      const lines = drawn({ corner: "layer", what: "numbers", ...of }, width, unicode);
      // The key's words are whole, and may be as wide as a label.
      for (const line of lines.slice(0, of.rows.length + 1)) {
        expect(widthOf(line)).toBeLessThanOrEqual(width);
      }
    }),
  );
});
