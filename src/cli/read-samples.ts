/** The samples of a sweep: JSON lines, comma-separated values with a header, or a text a line. */
import { isRecord } from "../spec/schema-parts.ts";
import type { Sample } from "../spec/template.ts";
import {
  sampleLineBroken,
  samplesEmpty,
  samplesOfUnknownKind,
  samplesTooLarge,
  samplesUnreadable,
} from "./sweep-errors.ts";
import { readTextInput, STANDARD_INPUT } from "./text-input.ts";

/** A sample, and the line of its file that it begins in. */
export interface PlacedSample {
  readonly line: number;
  readonly fields: Sample;
}

export interface SampleFile {
  /** As messages name it. */
  readonly path: string;
  /** At least one. */
  readonly samples: readonly PlacedSample[];
  /** Whether its values are texts, whatever they look like. */
  readonly isText: boolean;
}

// More samples than anybody waits for.
const MAX_SAMPLE_BYTES = 256 * 2 ** 20;

type Parse = (
  path: string,
  text: string,
) => readonly PlacedSample[] | Promise<readonly PlacedSample[]>;

const KINDS: Readonly<Record<string, { readonly parse: Parse; readonly isText: boolean }>> = {
  jsonl: { parse: jsonLines, isText: false },
  csv: { parse: csvSamples, isText: true },
  txt: { parse: textLines, isText: true },
};

/** Reads samples by what the file's name ends in. Throws `usage`, with the line where one is wrong. */
export async function readSamples(path: string): Promise<SampleFile> {
  const ending = /\.([^./\\]+)$/u.exec(path)?.[1]?.toLowerCase() ?? "";
  const kind = path === STANDARD_INPUT ? KINDS["jsonl"] : KINDS[ending];
  if (kind === undefined) throw samplesOfUnknownKind(path);
  const name = path === STANDARD_INPUT ? "standard input" : path;
  const text = await readTextInput(path, MAX_SAMPLE_BYTES, {
    unreadable: samplesUnreadable,
    tooLarge: samplesTooLarge,
  });
  const samples = await kind.parse(name, text.replace(/^\ufeff/u, ""));
  if (samples.length === 0) throw samplesEmpty(name);
  return { path: name, samples, isText: kind.isText };
}

/** Lines with something in them. */
function linesOf(text: string): readonly { readonly line: number; readonly content: string }[] {
  return text
    .split(/\r\n|\n|\r/u)
    .map((content, index) => ({ line: index + 1, content }))
    .filter(({ content }) => content.trim() !== "");
}

function textLines(_: string, text: string): readonly PlacedSample[] {
  return linesOf(text).map(({ line, content }) => ({ line, fields: { prompt: content } }));
}

function jsonLines(path: string, text: string): readonly PlacedSample[] {
  return linesOf(text).map(({ line, content }) => {
    let fields: unknown;
    try {
      fields = JSON.parse(content);
    } catch {
      throw sampleLineBroken(path, line, "it is no JSON");
    }
    if (!isRecord(fields)) throw sampleLineBroken(path, line, "it is no JSON object");
    return { line, fields };
  });
}

async function csvSamples(path: string, text: string): Promise<readonly PlacedSample[]> {
  // The parser is loaded where there is something for it.
  const { csvRecords } = await import("./csv-records.ts");
  const [header, ...records] = csvRecords(text, (line, problem) => {
    throw sampleLineBroken(path, line, problem);
  });
  if (header === undefined) return [];
  const names = header.values.map((name) => name.trim());
  if (names.includes("")) throw sampleLineBroken(path, header.line, "a column has no name");
  const again = names.find((name, index) => names.indexOf(name) < index);
  if (again !== undefined) {
    throw sampleLineBroken(path, header.line, `two columns are called ${JSON.stringify(again)}`);
  }
  return records.map(({ line, values }) => ({
    line,
    fields: Object.fromEntries(names.map((name, index) => [name, values[index]])),
  }));
}
