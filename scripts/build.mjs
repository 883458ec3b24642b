// Compiles src to dist, writes the JSON Schema of specs there, makes the command executable, and leaves the stamp that ensure-setup.mjs looks at.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

const { status } = spawnSync(process.execPath, [tsc, "-b", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
const { specJsonSchema } = await import("../dist/spec/schema.js");
const json = `${JSON.stringify(specJsonSchema(), null, 2)}\n`;
writeFileSync(join(root, "dist", "spec.schema.json"), json);
// What the benchmark needs beside its program.
for (const file of ["report/baseline.json", "measure/pytorch_sweep.py"]) {
  copyFileSync(join(root, "bench", file), join(root, "dist", "bench", file));
}
chmodSync(join(root, "dist", "cli", "main.js"), 0o755);
writeFileSync(join(root, "dist", ".built"), "");
