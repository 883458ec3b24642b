import { defineConfig } from "vitest/config";
import { SummaryReporter } from "./scripts/summary-reporter.ts";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    reporters: [new SummaryReporter()],
    // Tests that run a real model on a small machine take long; none waits for a clock.
    testTimeout: 120_000,
    hookTimeout: 600_000,
    // Native runtimes and worker threads do not always agree; processes are safe.
    pool: "forks",
  },
});
