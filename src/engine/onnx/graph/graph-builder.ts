/** Writes an ONNX graph node by node. Knows the format, not what a decoder is. */

export type ElementType = "float32" | "float16" | "int64" | "int32" | "uint8" | "int8";

const ELEMENT_BYTES: Record<ElementType, number> = {
  float32: 4,
  float16: 2,
  int64: 8,
  int32: 4,
  uint8: 1,
  int8: 1,
};

export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "string"; readonly value: string };

export const int = (value: number): Attribute => ({ kind: "int", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const text = (value: string): Attribute => ({ kind: "string", value });
export const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A graph input or output; a named dimension may have any size. The shape is for readers: `encodeModel` leaves it out. */
export interface GraphValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** Constants are inside the graph; weights stand outside it under their name. */
export type Initializer = {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
} & (
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | { readonly kind: "external"; readonly byteLength: number }
);

export interface Graph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Fills each external initialiser; read one at a time, when the session is made. */
  readonly weights: ReadonlyMap<string, () => Promise<Uint8Array>>;
}

interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
}

/** Collects a graph; values are referred to by name. */
export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: GraphNode[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #inputs: GraphValue[] = [];
  readonly #outputs: GraphValue[] = [];
  readonly #weights = new Map<string, () => Promise<Uint8Array>>();
  readonly #constants = new Map<string, string>();
  readonly #shared = new Map<string, string>();
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: ElementType, shape: readonly (number | string)[]): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  /** Makes the value of this name an output. */
  output(name: string, type: ElementType, shape: readonly (number | string)[]): void {
    this.#outputs.push({ name, type, shape });
  }

  /** A node with one output; `name` is the output's name where it matters. */
  op(op: string, inputs: readonly string[], options: NodeOptions & { name?: string } = {}): string {
    const name = options.name ?? this.#next(op);
    this.#push(op, inputs, [name], options);
    return name;
  }

  /** A node with several outputs. */
  ops(op: string, inputs: readonly string[], count: number, options: NodeOptions = {}): string[] {
    const outputs = Array.from({ length: count }, () => this.#next(op));
    this.#push(op, inputs, outputs, options);
    return outputs;
  }

  /** The `k` largest of the last axis, in descending order, under given names. */
  topK(x: string, k: string, names: { readonly values: string; readonly indices: string }): void {
    const attributes = { axis: int(-1), largest: int(1), sorted: int(1) };
    this.#push("TopK", [x, k], [names.values, names.indices], { attributes });
  }

  /** An int64 vector, or a scalar when `value` is a number; equal ones are shared. */
  int64(value: number | readonly number[]): string {
    const list = typeof value === "number" ? [value] : value;
    const key = `i${typeof value === "number" ? "s" : "v"}${list.join(",")}`;
    return this.#constant(
      key,
      "int64",
      typeof value === "number" ? [] : [list.length],
      new Uint8Array(BigInt64Array.from(list, BigInt).buffer),
    );
  }

  /** A float32 scalar. */
  float32(value: number): string {
    return this.#constant(
      `f${value}`,
      "float32",
      [],
      new Uint8Array(Float32Array.of(value).buffer),
    );
  }

  /** A uint8 scalar. */
  uint8(value: number): string {
    return this.#constant(`u${value}`, "uint8", [], Uint8Array.of(value));
  }

  /** A weight that stands outside the graph; `read` is called once, when the session is made. */
  weight(
    name: string,
    type: ElementType,
    shape: readonly number[],
    read: () => Promise<Uint8Array>,
  ): string {
    const byteLength = shape.reduce((product, dim) => product * dim, ELEMENT_BYTES[type]);
    this.#initializers.push({ kind: "external", name, type, shape, byteLength });
    this.#weights.set(name, read);
    return name;
  }

  /** What `write` has written under this key, once in the graph. */
  once(key: string, write: () => string): string {
    const value = this.#shared.get(key) ?? write();
    this.#shared.set(key, value);
    return value;
  }

  build(): Graph {
    return {
      name: this.#name,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
      weights: this.#weights,
    };
  }

  #next(op: string): string {
    this.#count += 1;
    return `${op}_${this.#count}`;
  }

  #push(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    options: NodeOptions,
  ): void {
    this.#nodes.push({
      name: `node_${this.#nodes.length}_${op}`,
      op,
      domain: options.domain ?? "",
      inputs,
      outputs,
      attributes: options.attributes ?? {},
    });
  }

  #constant(key: string, type: ElementType, shape: readonly number[], bytes: Uint8Array): string {
    const known = this.#constants.get(key);
    if (known !== undefined) {
      return known;
    }
    const name = `const_${this.#constants.size}`;
    this.#constants.set(key, name);
    this.#initializers.push({ kind: "inline", name, type, shape, bytes });
    return name;
  }
}
