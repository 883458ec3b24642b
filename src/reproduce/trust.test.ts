import { describe, expect, test } from "vitest";
import { UNRELATED_SENTENCES } from "../measure/unrelated-sentences.ts";
import type { ReadyModel } from "../run/run-spec.ts";
import { presetSpec } from "../spec/presets/presets.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { TrialOutput, TrialReadOut } from "./read-trials.ts";
import { measureTrust, type TrustRow } from "./trust.ts";

const [SENTENCE = ""] = UNRELATED_SENTENCES;
/** Log-probabilities under the unrelated states: nobody but the second could have said it. */
const LIKELY_FOR_ONE = [-20, -1, -20, -20, -20, -20, -20, -20];

/** A read-out that the prompt alone would hardly give. */
function readOut(text: string, evidence: number, unrelated = LIKELY_FOR_ONE): TrialReadOut {
  return { text, evidence, unpatched: -20, unrelated };
}

/** Countries asked for their currency, with what was read of each instead of a model: at two target layers. */
async function measured(
  isLeading: boolean,
  readOuts: Readonly<Record<string, readonly TrialReadOut[]>>,
  unpatched = "",
): Promise<TrustRow> {
  const outputOf = (subject: string): TrialOutput => ({
    readOuts: readOuts[subject] ?? [readOut(" nothing", 0), readOut(" nothing", 0)],
    prompt: "Pounds, euros: the currency of x",
    unpatched,
  });
  const on = { model: { weightsHash: () => Promise.resolve("sha256:0") } } as unknown as ReadyModel;
  const store = {
    get: (key: string) => {
      const { spec } = JSON.parse(key) as { spec: PatchscopeSpec };
      return Promise.resolve(outputOf("prompt" in spec.source ? spec.source.prompt : ""));
    },
    put: () => Promise.reject(new Error("all is there")),
  };
  const trials = [
    { subject: "France", right: ["euro"] },
    { subject: "Kenya", right: ["shilling"] },
  ].map(({ subject, right }) => ({
    ...{ subject, right },
    spec: presetSpec("attribute", { prompt: subject, model: "m", ask: "The currency of x" }),
  }));
  return measureTrust({ name: "attribute", asked: "", trials, isLeading }, { on, store });
}

describe("The rule of evidence", () => {
  test("is weighed on right answers, and on wrong ones by themselves", async () => {
    const row = await measured(false, {
      France: [readOut(" the franc", 5), readOut(" the dollar", 1)],
      Kenya: [readOut(" the shilling", 4), readOut(" the Kenyan shilling", 2)],
    });
    expect(row.power.wilson).toMatchObject({ rate: 0.5, trials: 2 });
    expect(row.wrong).toMatchObject({ rate: 0.5, trials: 2 });
    expect(row).toMatchObject({ subjects: 2, readOuts: 4, ownPower: undefined });
  });

  test("is not weighed on what the prompt has or says alone", async () => {
    const said = { France: [readOut(" the euro", 5)], Kenya: [readOut(" the shilling", 5)] };
    expect((await measured(false, said)).power.wilson.trials).toBe(1);
    expect((await measured(false, said, " the shilling")).power.wilson.trials).toBe(0);
    // Where the prompt leads to its answers, it may have them.
    expect((await measured(true, said)).power.wilson.trials).toBe(2);
    expect((await measured(true, said, " the shilling")).power.wilson.trials).toBe(1);
  });

  test("is weighed apart on answers that no unrelated state gives at the same place", async () => {
    const { power, ownPower } = await measured(true, {
      France: [readOut(" the euro", 5), readOut(" the euro", 1)],
      Kenya: [readOut(" the shilling", 6), readOut(" the shilling", 0)],
      [SENTENCE]: [readOut(" nothing", 0), readOut(" the euro", 0)],
    });
    expect(power.wilson).toMatchObject({ rate: 0.5, trials: 4 });
    expect(ownPower).toMatchObject({ rate: 2 / 3, trials: 3 });
  });

  test("errs where a text is likely under one unrelated state only", async () => {
    const both = {
      France: [readOut(" a", 0)],
      Kenya: [
        readOut(
          " b",
          0,
          Array.from({ length: 8 }, () => -1),
        ),
      ],
    };
    const { falsePositives } = await measured(false, both);
    expect(falsePositives.wilson).toMatchObject({ rate: 1 / 16, trials: 16 });
  });
});
