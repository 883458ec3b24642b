/** How far a sweep is: samples done of all, and the time left by the rate so far. */
import type { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** In a log there is a line at each of these shares. */
const MILESTONES = [0.25, 0.5, 0.75];

/**
 * Shows how many samples are done, by a number that has a fraction while several are under way together.
 * @param from how many were done before
 */
export function sweepProgress(
  progress: Progress,
  { hasProgressBars }: Pick<Terminal, "hasProgressBars">,
  { from, total }: { readonly from: number; readonly total: number },
): (done: number) => void {
  const begin = performance.now();
  let milestone: number | undefined;
  let line = `Sweeping ${total - from} samples`;
  return (done) => {
    const seconds = (performance.now() - begin) / 1000;
    const left =
      done === from ? "" : `, ${timeWords((seconds / (done - from)) * (total - done))} left`;
    const amount = `${Math.floor(done)} of ${total} samples${left}`;
    const passed = MILESTONES.findLast((share) => done >= share * total && from < share * total);
    if (passed !== milestone && done < total) {
      milestone = passed;
      line = amount;
    }
    const label = hasProgressBars ? "Sweeping" : line;
    progress.show({ label, done, total, unit: "count", amount });
  };
}

function timeWords(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  const minutes = seconds / 60;
  return minutes < 100 ? `${minutes.toFixed(0)} min` : `${(minutes / 60).toFixed(0)} h`;
}
