// Makes a fresh clone ready: installs what package-lock.json lists where node_modules differs from it, and
// builds where dist is missing or older than the source. Runs before `npm start` and `npm test`, and as
// `prepare`, which also `npx patchscopes` calls, so it depends on nothing but Node.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];

// npm itself is installing and calls this as `prepare`.
const isInsideInstall = ["ci", "install"].includes(process.env.npm_command ?? "");

checkNode();
if (!isInsideInstall && !isInstalled()) {
  console.error("Installing dependencies (once; this can take a minute) …");
  npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
} else if (isInsideInstall || !isBuilt()) {
  if (!isInsideInstall) console.error("Building …");
  run(process.execPath, [join(root, "scripts", "build.mjs")]);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = oldestNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  console.error(
    `Node ${process.versions.node} is too old: patchscopes needs ${oldestNode.join(".")} or newer.`,
  );
  console.error("Install a newer Node, then run the command again.");
  process.exit(1);
}

/** Compares what npm says it installed with the lock file, not their dates: a checkout changes dates. */
function isInstalled() {
  const installed = packagesOf(join(root, "node_modules", ".package-lock.json"));
  if (installed === undefined) return false;
  const locked = packagesOf(join(root, "package-lock.json")) ?? {};
  return Object.entries(locked).every(
    ([path, entry]) =>
      path === "" || entry.optional === true || installed[path]?.version === entry.version,
  );
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** scripts/build.mjs leaves the stamp. */
function isBuilt() {
  const stamp = join(root, "dist", ".built");
  if (!existsSync(stamp)) return false;
  const builtAt = statSync(stamp).mtimeMs;
  const configuration = readdirSync(root).filter((name) => /^tsconfig.*\.json$/u.test(name));
  return [
    ...sources(join(root, "src")),
    ...sources(join(root, "bench")),
    ...configuration.map((name) => join(root, name)),
  ].every((file) => statSync(file).mtimeMs <= builtAt);
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

function npm(args) {
  const cli = process.env.npm_execpath;
  if (cli === undefined) run("npm", args);
  else run(process.execPath, [cli, ...args]);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2], // standard output belongs to the command that comes after
    shell: command === "npm" && process.platform === "win32",
    // onnxruntime-node would otherwise fetch CUDA files from elsewhere; the CPU runtime is in the package.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (error !== undefined) console.error(error.message);
  // npx keeps a half-made folder when `prepare` fails, and fails for ever after: let the command itself fail.
  if (status !== 0) process.exit(process.env.npm_command === "exec" ? 0 : (status ?? 1));
}
