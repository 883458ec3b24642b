import fc from "fast-check";
import { expect, test } from "vitest";
import { PatchscopesError } from "../errors.ts";
import { parseSpecText } from "./parse-text.ts";
import { parseSpec } from "./schema.ts";

/** The message of the error that a text gives. */
function messageOf(text: string): string {
  try {
    parseSpecText(text);
  } catch (error) {
    if (error instanceof PatchscopesError && error.code === "spec-invalid") return error.message;
    throw error;
  }
  return "no error";
}

const yaml = `version: 1
name: capital-of-france # optional
source:
  model: smollm2-135m-instruct
  prompt: The capital of France is
  position: {find: France}
target:
  prompt: "cat -> cat\\n1135 -> 1135\\nhello -> hello\\n?"
read: {kind: next-token, topK: 5}
`;

test("YAML and JSON of one spec are one spec", () => {
  const spec = parseSpecText(yaml);
  expect(spec.target).toHaveProperty("prompt", "cat -> cat\n1135 -> 1135\nhello -> hello\n?");
  expect(parseSpecText(JSON.stringify(spec))).toEqual(spec);
  expect(parseSpecText(JSON.stringify(spec, null, "\t"))).toEqual(spec);
  expect(parseSpec(spec)).toEqual(spec);
});

test("Issues say the lines that they are about", () => {
  const text = yaml.replace("find: France", "fnd: France").replace("topK: 5", "topK: 0");
  expect(messageOf(text)).toMatchInlineSnapshot(`
    "source.position.fnd: unknown key, expected one of find, occurrence, token (line 6)
    source.position.find: missing: expected a text (line 6)
    read.topK: expected at least 1, got 0 (line 9)"
  `);
});

test("A broken text is one issue with line and column", () => {
  expect(messageOf("version: 1\nsource: {model: m\ntarget: 3\n")).toMatchInlineSnapshot(
    `"line 3, column 1: not YAML or JSON: Flow map in block collection must be sufficiently indented and end with a }"`,
  );
  expect(messageOf('{\n  "version": 1,\n  "version": 1\n}')).toMatch(/^line 3, column 3: /);
});

test("A text holds one spec", () => {
  expect(messageOf(`${yaml}---\n${yaml}`)).toMatch(/^line 10, column 1: .*here another begins/);
  expect(messageOf("")).toBe("expected an object, got null");
});

test("Aliases work, and cannot unfold without end", () => {
  const text = `version: 1
source: {model: m, prompt: &p Paris}
target: {prompt: *p}
`;
  expect(parseSpecText(text).target).toHaveProperty("prompt", "Paris");
  expect(messageOf("a: *b")).toMatch(/^cannot unfold the aliases: /);
  const tens = (name: string): string => `[${Array(10).fill(`*${name}`).join(",")}]`;
  const bomb = `a: &a [1,1]\nb: &b ${tens("a")}\nc: &c ${tens("b")}\nd: ${tens("c")}\n`;
  expect(messageOf(bomb)).toMatch(/^cannot unfold the aliases: /);
});

test("Deeply nested lists are refused, not a crash", () => {
  expect(messageOf("[".repeat(10_000))).not.toBe("no error");
});

test("Whatever the text is, it is a spec or a list of issues", () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      "- ",
      "&",
      "*",
      "!",
      "|",
      ">",
      "'",
      '"',
      "#",
      "\n",
    ),
    fc.constantFrom("version: 1", "source", "<<", "0x1", "\t", "  ", "%", "@", "? "),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fragment).map((all) => all.join("")),
      ),
      (text) => {
        expect(messageOf(text)).not.toBe("no error");
      },
    ),
  );
});
