/** Names of models on the Hub: `OWNER/NAME`, a file in one, a revision of one. Text only. */

/** A repository on the Hub at a revision, and the GGUF file meant, where one is named. */
export interface HubId {
  readonly repo: string;
  readonly file: string | undefined;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** As the user wrote it. */
  readonly name: string;
}

const PART = String.raw`[A-Za-z0-9](?:[\w.-]*\w)?`;
const HUB_ID = new RegExp(
  String.raw`^(?<repo>${PART}/${PART})(?:/(?<file>[^@]+\.gguf))?(?:@(?<revision>[\w][\w./-]*))?$`,
  "i",
);

/** Reads `owner/name[/file.gguf][@revision]`; `undefined` for anything else. */
export function parseHubId(name: string): HubId | undefined {
  const groups = HUB_ID.exec(name)?.groups;
  const repo = groups?.["repo"];
  if (repo === undefined || repo.includes("..") || repo.includes("--")) return undefined;
  const file = groups?.["file"];
  const revision = groups?.["revision"] ?? "main";
  if (file === undefined && /\.gguf$/i.test(repo)) return undefined; // a path to a file that is not there
  if (`${file ?? ""}/${revision}`.split("/").includes("..")) return undefined;
  return { repo, file, revision, name };
}
