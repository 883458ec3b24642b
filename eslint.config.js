import boundaries from "eslint-plugin-boundaries";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Which folder of src may import which; the files under "open" below and packages are open to all. See ARCHITECTURE.md. */
const importTable = {
  spec: [],
  engine: [],
  measure: [],
  mapping: ["models", "measure"],
  result: ["spec"],
  plan: ["spec", "engine"],
  models: ["engine"],
  run: ["spec", "plan", "engine", "mapping", "measure", "result"],
  render: ["spec", "measure", "result"],
  reproduce: ["spec", "measure", "result", "run"],
  cli: [
    "spec",
    "plan",
    "engine",
    "models",
    "run",
    "mapping",
    "measure",
    "result",
    "render",
    "reproduce",
  ],
};
const folders = Object.keys(importTable);

export default defineConfig(
  { ignores: ["dist/", "coverage/", "src/runtime.d.ts"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // A port's method is async whether or not this adapter has to wait: what it throws must reject.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["src/**/*.ts", "tests/**/*.ts", "scripts/**/*.ts"],
    rules: { "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }] },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["**/*.test.ts"],
    plugins: { boundaries },
    settings: {
      "boundaries/elements": folders.map((type) => ({ type, pattern: `src/${type}` })),
      "boundaries/files": [
        {
          category: "open",
          pattern: "src/{errors,float16,map-kinds,runtime.d,site,site-names}.ts",
        },
        { category: "entry", pattern: "src/{index,node,web}.ts" },
      ],
    },
    rules: {
      "boundaries/no-unknown-files": "error",
      "boundaries/dependencies": [
        "error",
        {
          default: "disallow",
          policies: [
            ...Object.entries(importTable).map(([type, allowed]) => ({
              from: { element: { type } },
              allow: { to: { element: { types: { anyOf: [type, ...allowed] } } } },
            })),
            {
              from: { file: { categories: "entry" } },
              allow: { to: { element: { types: { anyOf: folders } } } },
            },
            {
              from: { element: { type: "cli" } },
              allow: { to: { file: { categories: "entry" } } },
            },
            { allow: { to: { file: { categories: "open" } } } },
            { allow: { to: { module: { origin: ["external", "core"] } } } },
          ],
        },
      ],
    },
  },
  { files: ["scripts/**", "bench/**"], rules: { "no-console": "off" } },
);
