/** What package-lock.json must be for `npm ci` to work straight after a clone, on every npm and behind a mirror. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}
interface LockedPackage {
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(
  readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"),
) as LockFile;

test("no installed package runs a script: onnxruntime-node's would fetch CUDA files from elsewhere", () => {
  // npm 10 runs scripts only where the lock file announces them; npm 11 heeds allowScripts of package.json.
  const withScript = Object.entries(lock.packages)
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => path);
  expect(withScript).toEqual([]);
});

test("packages come from whatever registry npm is set to", () => {
  const elsewhere = Object.values(lock.packages).flatMap(({ resolved }) =>
    resolved === undefined || resolved.startsWith("https://registry.npmjs.org/") ? [] : [resolved],
  );
  expect(elsewhere).toEqual([]);
});
