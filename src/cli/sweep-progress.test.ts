import { expect, test } from "vitest";
import type { Step } from "./progress.ts";
import { sweepProgress } from "./sweep-progress.ts";

function shown(hasProgressBars: boolean, from: number, dones: readonly number[]): readonly Step[] {
  const steps: Step[] = [];
  const progress = { show: (step: Step) => void steps.push(step), clear: () => undefined };
  const show = sweepProgress(progress, { hasProgressBars }, { from, total: 200 });
  for (const done of dones) show(done);
  return steps;
}

test("a bar has the samples done and the time left", () => {
  const steps = shown(true, 20, [20, 30.7, 200]);
  expect(new Set(steps.map(({ label }) => label))).toEqual(new Set(["Sweeping"]));
  expect(steps[0]?.amount).toBe("20 of 200 samples");
  expect(steps[1]?.amount).toMatch(/^30 of 200 samples, \d+ (?:s|min|h) left$/u);
});

test("a log has a line at each quarter, however many samples there are", () => {
  const every = Array.from({ length: 181 }, (_, index) => 20 + index);
  const labels = [...new Set(shown(false, 20, every).map(({ label }) => label))];
  expect(labels.map((label) => label.replace(/, .*/u, ""))).toEqual([
    "Sweeping 180 samples",
    "50 of 200 samples",
    "100 of 200 samples",
    "150 of 200 samples",
  ]);
});
