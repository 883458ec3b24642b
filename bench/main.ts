/**
 * The project's figures, side by side in one run: ratios, because machines differ and are noisy.
 * Timings are never a test; what is printed here is read by people.
 */
import { writeFile } from "node:fs/promises";
import { PatchscopesError } from "patchscopes";
import { baselineOf, readBaseline } from "./report/baseline.ts";
import { withContext, type BenchContext } from "./context.ts";
import { depthSection } from "./sections/depth.ts";
import { devicesSection } from "./sections/devices.ts";
import { evidenceSection } from "./sections/evidence.ts";
import type { Section } from "./figure.ts";
import { firstWordsSection } from "./sections/first-words.ts";
import { gridSection } from "./sections/grid.ts";
import { inspectSection } from "./sections/inspect.ts";
import { limitSection } from "./sections/limit.ts";
import { loadSection } from "./sections/load.ts";
import { describeMachine, packageVersion } from "./measure/machine.ts";
import { writePage } from "./report/page.ts";
import { positionsSection } from "./sections/positions.ts";
import { readResults, writeResults, type Results } from "./report/results.ts";
import { profileSection } from "./sections/profile.ts";
import { samplesSection } from "./sections/samples.ts";
import { scalingSection } from "./sections/scaling.ts";
import { terminalTable } from "./report/table.ts";
import { throughputSection } from "./sections/throughput.ts";
import { wordsSection } from "./sections/words.ts";

/** In the order of the page. */
const SECTIONS = {
  grid: gridSection,
  words: wordsSection,
  positions: positionsSection,
  evidence: evidenceSection,
  samples: samplesSection,
  first: firstWordsSection,
  limit: limitSection,
  profile: profileSection,
  depth: depthSection,
  scaling: scalingSection,
  inspect: inspectSection,
  load: loadSection,
  throughput: throughputSection,
  devices: devicesSection,
} as const satisfies Record<string, (context: BenchContext) => Promise<Section>>;
type Name = keyof typeof SECTIONS;
const NAMES = Object.keys(SECTIONS) as readonly Name[];

export interface BenchRequest {
  /** Names of sections; all of them where there are none. */
  readonly args: readonly string[];
  /** A file that keeps what was measured; what is not measured now stays as it is there. */
  readonly results?: string | undefined;
  /** A folder for the page with its plots. */
  readonly page?: string | undefined;
  /** A file for what the next release is held against. */
  readonly baseline?: string | undefined;
  readonly signal: AbortSignal;
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
}

/** Measures the figures named in `args`, or all of them. */
export async function runBench(request: BenchRequest): Promise<void> {
  const { args, signal, results: file } = request;
  const version = packageVersion();
  const names = args.length === 0 ? NAMES : args.map(sectionName);
  const machine = describeMachine();
  const note = (text: string): void => {
    request.note(`${text}\n`);
  };
  note(machine);
  let results: Results = { version, machine, sections: {} };
  const earlier = file === undefined ? undefined : await readResults(file);
  await withContext({ signal, note }, async (context) => {
    for (const name of NAMES.filter((each) => names.includes(each))) {
      const sections = { ...results.sections, [name]: await SECTIONS[name](context) };
      results = { version, machine, sections };
      // Kept at once: a benchmark of an hour may be stopped.
      if (file !== undefined) await writeResults(file, together(earlier, results));
    }
  });
  const baseline = readBaseline();
  request.print(`${machine}\n\n${terminalTable(Object.values(results.sections), baseline)}\n`);
  const all = together(earlier, results);
  if (request.page !== undefined) await writePage(request.page, all, baseline);
  if (request.baseline !== undefined) {
    const next = baselineOf(Object.values(all.sections), { version, machine });
    await writeFile(request.baseline, `${JSON.stringify(next, null, 2)}\n`);
  }
}

/** What was measured now, and before that what is not measured now, in the page's order. */
function together(earlier: Results | undefined, now: Results): Results {
  const of = (name: Name): readonly (readonly [Name, Section])[] => {
    const section = now.sections[name] ?? earlier?.sections[name];
    return section === undefined ? [] : [[name, section]];
  };
  return { ...now, sections: Object.fromEntries(NAMES.flatMap(of)) };
}

function sectionName(text: string): Name {
  const name = NAMES.find((each) => each === text);
  if (name !== undefined) return name;
  throw new PatchscopesError({
    code: "usage",
    message: `There is no figure "${text}".`,
    hint: `Figures: ${NAMES.join(", ")}.`,
  });
}
