/** docs/presets.md is the table of presets; `npx vitest run tests/package/presets-page.test.ts -u` writes it anew. */
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { expect, test } from "vitest";
import { Document, visit } from "yaml";
import { PRESET_NAMES, presetName, PRESETS, presetSpec } from "../../src/spec/presets/presets.ts";
import type { Preset } from "../../src/spec/presets/presets.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import type { PatchscopeSpec } from "../../src/spec/spec.ts";

const PAGE = fileURLToPath(new URL("../../docs/presets.md", import.meta.url));

/** Options whose flag has another name. */
const FLAGS: Readonly<Record<string, string>> = {
  position: "--at",
  layer: "--layers",
  file: "--vectors",
};

function flagOf(option: string): string {
  return (
    FLAGS[option] ?? `--${option.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}`
  );
}

/** The example as a command; `-m` is left out where it is the default. */
function commandOf({ name, example }: Preset): string {
  const { model, ...given } = example;
  const text = "prompt" in given ? JSON.stringify(given.prompt) : "";
  const options = Object.entries(given)
    .filter(([option]) => !["prompt", "explainer", "softPrompt"].includes(option))
    .map(([option, value]) => `${flagOf(option)} ${wordOf(value)}`);
  const explainer = example.explainer === undefined ? [] : [`--explainer ${example.explainer}`];
  const other = model === "smollm2-135m-instruct" ? [] : [`--model ${model}`];
  return ["npx patchscopes inspect", text, `--preset ${name}`, ...options, ...explainer, ...other]
    .filter((part) => part !== "")
    .join(" ");
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(",");
  if (typeof value === "object" && value !== null && "find" in value) return wordOf(value.find);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w.-]+$/u.test(text) ? text : JSON.stringify(text);
}

function sectionOf(preset: Preset): string {
  const { name, summary, citation, needs, takes, example } = preset;
  const needed = needs.map((option) => `\`${flagOf(option)}\``).join(", ");
  const others = takes
    .filter((option) => !needs.includes(option))
    .map((option) => `\`${flagOf(option)}\``)
    .join(", ");
  const spec = yamlOf(withoutDefaults(presetSpec(presetName(name), example)));
  return [
    `## ${name}`,
    summary,
    `From: ${citation}.`,
    ["```sh", commandOf(preset), "```"].join("\n"),
    ...(needed === "" ? [] : [`Needs ${needed}.`]),
    `Takes ${others}.`,
    ["```yaml", spec.trimEnd(), "```"].join("\n"),
  ].join("\n\n");
}

function yamlOf(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar: (_, node) => {
      // As a block a line break by itself is nothing to see.
      if (typeof node.value === "string" && node.value.trim() === "") node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 100 });
}

function page(): string {
  const rows = PRESET_NAMES.map((name) => `- [\`${name}\`](#${name}): ${PRESETS[name].summary}`);
  return [
    "# Presets",
    "Each method is a spec with a few choices left. This page is the table in `src/spec/presets`: what a preset shows, where it comes from, a command, the options of `inspect` that it understands, and the spec that the command runs. In code each is a function, `presets.entity` and so on ([library.md](library.md)).",
    rows.join("\n"),
    ...PRESET_NAMES.map((name) => sectionOf(PRESETS[name])),
    "",
  ].join("\n\n");
}

/** What a spec file would have to say. */
function withoutDefaults(spec: PatchscopeSpec): unknown {
  const { version, source, target, ...rest } = spec;
  const plain = parseSpec({
    version,
    source: { model: "m", prompt: "s" },
    target: { prompt: "t" },
  });
  return {
    version,
    source: differing(source, plain.source),
    target: differing(target, plain.target),
    ...differing(rest, plain),
  };
}

/** The fields that are not as they are by default; of a record in them, its fields. */
function differing(fields: object, defaults: object): object {
  const plain = new Map<string, unknown>(Object.entries(defaults));
  const own = Object.entries(fields).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(plain.get(key)),
  );
  return Object.fromEntries(own);
}

test("docs/presets.md says what the presets are", async () => {
  const options = await resolveConfig(PAGE);
  const text = await format(page(), { ...options, parser: "markdown" });
  await expect(text).toMatchFileSnapshot(PAGE);
});
