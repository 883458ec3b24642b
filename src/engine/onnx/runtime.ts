/**
 * What the adapter needs of an ONNX runtime: the only thing that differs between Node and the browser.
 * `node.ts` implements it on onnxruntime-node, `web.ts` on onnxruntime-web.
 */
import type { Graph } from "./graph/graph-builder.ts";

/** Data with a shape; what goes into a session and comes out of it. */
export interface RuntimeTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array;
}

export type Feeds = Readonly<Record<string, RuntimeTensor>>;

export interface RuntimeSession {
  /** Computes the named outputs. A runtime that can writes those of `into` where they are given, of the right shape. */
  run(
    feeds: Feeds,
    outputs: readonly string[],
    into?: Feeds,
  ): Promise<Readonly<Record<string, RuntimeTensor>>>;
  dispose(): Promise<void>;
}

/** Memory of a device: tensors that come out of one pass and go into the next without crossing to JavaScript. */
export interface DeviceMemory {
  /** Copies that JavaScript can read. */
  read(tensors: readonly RuntimeTensor[]): Promise<readonly RuntimeTensor[]>;
  free(tensor: RuntimeTensor): void;
}

export interface Runtime {
  readonly name: string;
  readonly device: string;
  readonly version: string;
  /** Whether the device multiplies in float16. */
  readonly float16: boolean;
  /** Whether tensors without elements may go into any operator; else `fill-in.ts` keeps them out of some. */
  readonly takesEmpty: boolean;
  /** Where outputs can stay on the device; else all of them come back to JavaScript. */
  readonly memory?: DeviceMemory | undefined;
  /**
   * Loads a graph with its weights; these are read here, and not kept in JavaScript.
   * @param staying names of outputs that stay on the device, where it has memory of its own
   */
  createSession(graph: Graph, staying?: readonly string[]): Promise<RuntimeSession>;
  float32(data: Float32Array, dims: readonly number[]): RuntimeTensor;
  int64(data: readonly number[] | BigInt64Array, dims: readonly number[]): RuntimeTensor;
  int32(data: readonly number[], dims: readonly number[]): RuntimeTensor;
}
