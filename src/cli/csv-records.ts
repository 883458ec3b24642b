/** Comma-separated values as records. The only file that knows the package that parses them. */
import { CsvError, parse } from "csv-parse/sync";

/** The values of a record, and the line that it begins in. */
export interface CsvRecord {
  readonly line: number;
  readonly values: readonly string[];
}

/** Called with what is wrong in which line; throws. */
export type OnBrokenLine = (line: number, problem: string) => never;

/** Reads records: fields may be quoted, and hold line breaks then. Lines without anything are no records. */
export function csvRecords(text: string, broken: OnBrokenLine): readonly CsvRecord[] {
  try {
    const records: unknown = parse(text, {
      bom: true,
      info: true,
      skip_empty_lines: true,
      record_delimiter: ["\r\n", "\n", "\r"],
    });
    return (records as readonly ParsedRecord[]).map(({ info, record }) => ({
      line: info.lines - record.reduce((breaks, value) => breaks + breaksIn(value), 0),
      values: record,
    }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number(error["lines"]);
    return broken(line, PROBLEMS[error.code] ?? error.message);
  }
}

/** What the option `info` makes of a record; the package's types leave it out. */
interface ParsedRecord {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: "it has not as many values as the header",
  CSV_QUOTE_NOT_CLOSED: "a quote that is opened there is not closed",
  INVALID_OPENING_QUOTE: "a quote stands inside a value that does not begin with one",
  CSV_INVALID_CLOSING_QUOTE: "something stands behind a closing quote",
};

function breaksIn(value: string): number {
  return value.match(/\r\n|\n|\r/gu)?.length ?? 0;
}
