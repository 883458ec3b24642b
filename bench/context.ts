/** What the programs of the benchmark share: the model, loaded once, and PyTorch beside it. */
import { findModel, loadModel, type LoadedModel } from "patchscopes/node";
import { MODEL } from "./prompts.ts";
import { startPytorch, type Pytorch } from "./measure/pytorch.ts";

type Precision = "float32" | "int8";

export interface BenchContext {
  readonly signal: AbortSignal;
  /** A line about what is being done. */
  readonly note: (text: string) => void;
  /** The model's own file. */
  readonly file: string;
  loaded(precision?: Precision): Promise<LoadedModel>;
  /** `undefined` where Python or its packages are missing; there is a note then, once. */
  pytorch(): Promise<Pytorch | undefined>;
}

/** Lets `use` have a context, and lets everything in it go whatever happens. */
export async function withContext<T>(
  { signal, note }: Pick<BenchContext, "signal" | "note">,
  use: (context: BenchContext) => Promise<T>,
): Promise<T> {
  const { path: file } = await findModel(MODEL, { signal });
  const models = new Map<Precision, Promise<LoadedModel>>();
  let pytorch: Promise<Pytorch | undefined> | undefined;
  const context: BenchContext = {
    signal,
    note,
    file,
    loaded: (precision = "float32") => {
      const loaded = models.get(precision) ?? loadModel(MODEL, { signal, precision });
      models.set(precision, loaded);
      return loaded;
    },
    pytorch: () => (pytorch ??= startPytorch(file, { signal, note })),
  };
  try {
    return await use(context);
  } finally {
    (await pytorch)?.end();
    for (const loaded of models.values()) await (await loaded).dispose();
  }
}
