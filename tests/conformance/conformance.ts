/**
 * What every engine must do, whatever runs it: one suite over any factory of engines. Numbers are not
 * looked up here but follow from each other (a batch equals its single runs, and so on).
 */
import { afterAll, beforeAll, describe } from "vitest";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { assert } from "../../src/errors.ts";
import { describeBlocking } from "./blocking.ts";
import { describeCaches } from "./caches.ts";
import { describeHeads } from "./heads.ts";
import { describeMisuse } from "./misuse.ts";
import { describePatching } from "./patching.ts";
import { describeRagged } from "./ragged.ts";
import { describeReadOuts } from "./read-outs.ts";
import { describeRows } from "./rows.ts";
import { MODELS, type Subject } from "./subject.ts";

/**
 * Declares the suite. `tolerance` is the largest difference of equal arrays, over their largest magnitude; `maxRuns`
 * bounds the scenes of each property.
 */
export function describeEngine(
  name: string,
  create: (model: ModelDefinition) => Promise<Engine>,
  tolerance: number,
  maxRuns = Infinity,
): void {
  describe(`the ${name} engine`, () => {
    const subject = createSubject(create, tolerance, maxRuns);
    describePatching(subject);
    describeRows(subject);
    describeHeads(subject);
    describeBlocking(subject);
    describeCaches(subject);
    describeRagged(subject);
    describeReadOuts(subject);
    describeMisuse(subject, create);
  });
}

/** Engines for all models, made before and disposed of after the tests of the block that this is called in. */
export function createSubject(
  create: (model: ModelDefinition) => Promise<Engine>,
  tolerance: number,
  maxRuns = Infinity,
): Subject {
  const engines: Engine[] = [];
  beforeAll(async () => {
    for (const model of MODELS) {
      engines.push(await create(model));
    }
  });
  afterAll(async () => {
    for (const engine of engines) {
      await engine.dispose();
    }
  });
  return {
    tolerance,
    maxRuns,
    engineOf: (model) => {
      const engine = engines[model];
      assert(engine, "every model has an engine");
      return engine;
    },
  };
}
