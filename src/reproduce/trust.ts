/**
 * How often the rule of evidence errs, measured: how often a text is claimed for a state that it does not come from, and
 * how often a read-out that names a right answer, which the prompt alone does not give, is said to depend on the vector.
 */
import { assert } from "../errors.ts";
import { EVIDENCE_THRESHOLD, evidenceOf } from "../measure/evidence.ts";
import { bootstrapRate, wilson, type Group, type Rate } from "../measure/intervals.ts";
import { names } from "./is-right.ts";
import { readTrials, type TrialContext, type TrialReadOut } from "./read-trials.ts";
import { readUnrelated } from "./said-to-unrelated.ts";
import type { Trial, TrialSet } from "./trust-trials.ts";

/** What was measured of one preset on one model. */
export interface TrustRow extends Pick<TrialSet, "name" | "asked" | "isLeading"> {
  readonly subjects: number;
  readonly readOuts: number;
  /** Read-outs that name a right answer, which the prompt alone does not give, and depend on the vector. */
  readonly power: { readonly wilson: Rate; readonly bootstrap: Rate };
  /** The same of answers that the target does not give to unrelated states either; where the target leads to its answer. */
  readonly ownPower: Rate | undefined;
  /** Texts that are claimed for another, unrelated state. */
  readonly falsePositives: { readonly wilson: Rate; readonly bootstrap: Rate };
  /** The same where the prompt alone is the control. */
  readonly againstPrompt: Rate;
  /** Read-outs that depend on the vector and name no right answer: dependence is not truth. */
  readonly wrong: Rate;
}

/** Measures a set of trials. */
export async function measureTrust(
  set: TrialSet,
  context: TrialContext,
  onProgress?: (done: number, total: number) => void,
): Promise<TrustRow> {
  const specs = set.trials.map(({ spec }) => spec);
  const outputs = await readTrials(specs, context, onProgress);
  const unrelated = set.isLeading ? await readUnrelated(specs, context) : undefined;
  const power = new Map<string, Group>();
  const own = { hits: 0, trials: 0 };
  const falsePositives: Group[] = [];
  const againstPrompt: Group[] = [];
  const wrong = { hits: 0, trials: 0 };
  let readOuts = 0;
  for (const [index, trial] of set.trials.entries()) {
    const output = outputs[index];
    assert(output, "every trial was read");
    const named = [...output.readOuts.entries()].filter(([, { text }]) => names(text, trial.right));
    const unnamed = output.readOuts.filter(({ text }) => !names(text, trial.right));
    // A prompt that leads to its answers may have them all in it; what it says alone is what counts then.
    const alone = set.isLeading ? output.unpatched : `${output.prompt} ${output.unpatched}`;
    const said = named.filter(([, { text }]) => !isSaidAnyway(text, trial, alone));
    const before = power.get(trial.subject) ?? { hits: 0, trials: 0 };
    power.set(trial.subject, {
      hits: before.hits + said.filter(([, readOut]) => depends(readOut)).length,
      trials: before.trials + said.length,
    });
    if (unrelated) {
      const only = said.filter(
        ([place, { text }]) => !isSaidAnyway(text, trial, unrelated(trial.spec, place).join("\n")),
      );
      own.hits += only.filter(([, readOut]) => depends(readOut)).length;
      own.trials += only.length;
    }
    wrong.hits += unnamed.filter(depends).length;
    wrong.trials += unnamed.length;
    readOuts += output.readOuts.length;
    falsePositives.push(...output.readOuts.map(claimedForOthers));
    againstPrompt.push(...output.readOuts.map(claimedAgainstPrompt));
  }
  const { name, asked, isLeading } = set;
  return {
    name,
    asked,
    isLeading,
    subjects: power.size,
    readOuts,
    power: rates([...power.values()]),
    ownPower: unrelated && wilson(own.hits, own.trials),
    falsePositives: rates(falsePositives),
    againstPrompt: rates(againstPrompt).wilson,
    wrong: wilson(wrong.hits, wrong.trials),
  };
}

function rates(groups: readonly Group[]): TrustRow["power"] {
  const hits = groups.reduce((sum, group) => sum + group.hits, 0);
  const trials = groups.reduce((sum, group) => sum + group.trials, 0);
  return { wilson: wilson(hits, trials), bootstrap: bootstrapRate(groups) };
}

function depends({ evidence }: TrialReadOut): boolean {
  return (evidence ?? -Infinity) >= EVIDENCE_THRESHOLD;
}

/** Whether every right answer in the text is there without the vector, too. */
function isSaidAnyway(text: string, { right }: Trial, alone: string): boolean {
  const said = right.filter((answer) => names(text, [answer]));
  return said.every((answer) => names(alone, [answer]));
}

/** A text claimed for each unrelated sentence's state in turn, the others and the prompt alone being the controls. */
function claimedForOthers({ unrelated = [], unpatched }: TrialReadOut): Group {
  const hits = unrelated.filter((underVector, index) => {
    const against = unrelated.filter((_, other) => other !== index);
    const evidence = evidenceOf({ underVector, unpatched, against });
    return evidence !== undefined && evidence >= EVIDENCE_THRESHOLD;
  });
  return { hits: hits.length, trials: unrelated.length };
}

/** The same as it would be judged without the other states. */
function claimedAgainstPrompt({ unrelated = [], unpatched = -Infinity }: TrialReadOut): Group {
  const hits = unrelated.filter((underVector) => underVector - unpatched >= EVIDENCE_THRESHOLD);
  return { hits: hits.length, trials: unrelated.length };
}
