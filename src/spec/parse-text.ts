/** Reads a spec file's text, YAML or JSON (which is YAML too). Issues say the line that they are about. */
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { specInvalid, type SpecIssue } from "../errors.ts";
import { aliasesWrong, syntaxWrong } from "./errors.ts";
import { safeParseSpec } from "./schema.ts";
import type { PatchscopeSpec } from "./spec.ts";

/** Reads a spec from a file's text. Throws `spec-invalid` with every issue, and the lines they are in. */
export function parseSpecText(text: string): PatchscopeSpec {
  const { data, parse } = readSpecText(text);
  return parse(data);
}

/** What a spec file's text holds, not looked at yet. */
export interface SpecText {
  readonly data: unknown;
  /** Checks data of this shape. Throws `spec-invalid` with every issue, and the lines they are in. */
  readonly parse: (data: unknown) => PatchscopeSpec;
}

/** Reads the data of a spec file's text. Throws `spec-invalid` for what is neither YAML nor JSON. */
export function readSpecText(text: string): SpecText {
  const lines = new LineCounter();
  const document = readDocument(text, lines);
  return {
    data: dataOf(document),
    parse: (data) => {
      const parsed = safeParseSpec(data);
      if (parsed.success) return parsed.spec;
      throw specInvalid(parsed.issues.map((issue) => withLine(issue, document, lines)));
    },
  };
}

// Bounds what a small text can unfold to by naming itself over and over.
const MAX_ALIASES = 100;

function readDocument(text: string, lines: LineCounter): Document {
  const options = { lineCounter: lines, prettyErrors: false, logLevel: "error" } as const;
  const document = parseDocument(text, options);
  // The others mostly follow from the first.
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw specInvalid([syntaxWrong({ line, column: col, reason: reasonOf(error) })]);
  }
  return document;
}

function reasonOf({ code, message }: { readonly code: string; readonly message: string }): string {
  return code === "MULTIPLE_DOCS" ? "a file holds one spec, and here another begins" : message;
}

function dataOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    if (cause instanceof ReferenceError) throw specInvalid([aliasesWrong(cause.message)]);
    throw cause;
  }
}

function withLine(issue: SpecIssue, document: Document, lines: LineCounter): SpecIssue {
  const offset = offsetOf(document.contents, issue.path);
  if (offset === undefined) return issue;
  return { ...issue, message: `${issue.message} (line ${lines.linePos(offset).line})` };
}

/** Where the path's last key that exists is written; undefined where not even its first one is. */
function offsetOf(root: unknown, path: SpecIssue["path"]): number | undefined {
  let offset: number | undefined;
  let node = root;
  for (const key of path) {
    let named: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      named = pair?.key;
      node = pair?.value;
    } else if (isSeq(node) && typeof key === "number") {
      named = node.items[key];
      node = named;
    }
    if (!isNode(named)) break;
    offset = named.range?.[0] ?? offset;
  }
  return offset;
}
