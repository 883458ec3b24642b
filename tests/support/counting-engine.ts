/** An engine that notes what it is asked. */
import type { Engine, Pass } from "../../src/engine/engine.ts";

/** Puts every pass into the list before it runs it. */
export function counting(engine: Engine, passes: Pass[]): Engine {
  return {
    ...{ info: engine.info, architecture: engine.architecture },
    run: async (pass, signal) => {
      passes.push(pass);
      return engine.run(pass, signal);
    },
    select: (cache, rows) => engine.select(cache, rows),
    // Whoever made it disposes of it.
    dispose: () => Promise.resolve(),
  };
}
