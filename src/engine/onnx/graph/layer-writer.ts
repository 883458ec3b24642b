/** Writes what a layer's weights do one by one: norms, linear layers, the MLP. Weights that a layer has not are passed over. */
import type { Activation, Architecture, LayerWeight, Weights } from "../../architecture.ts";
import { layerWeights, type Shapes } from "../../layer-weights.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { text } from "./graph-builder.ts";
import type { LinearLayer, LinearWriter } from "./linear.ts";
import { writeNorm } from "./norm.ts";

/** What a graph is built from. */
export interface DecoderParts {
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly linear: LinearWriter;
  /** Whether what attention has of each head can be read; loading such a graph takes longer. */
  readonly heads?: boolean;
  /** Whether keys and values can stay on the device from step to step. */
  readonly staysOnDevice?: boolean;
}

type Matrix = "q" | "k" | "v" | "o" | "gate" | "up" | "down";

export class LayerWriter {
  readonly #graph: GraphBuilder;
  readonly #parts: DecoderParts;
  readonly #layer: number;
  readonly #shapes: Shapes;

  constructor(graph: GraphBuilder, parts: DecoderParts, layer: number) {
    this.#graph = graph;
    this.#parts = parts;
    this.#layer = layer;
    this.#shapes = layerWeights(parts.architecture);
  }

  /** The norm of this weight; `x` itself where the layer has none. */
  norm(x: string, weight: LayerWeight, bias?: LayerWeight): string {
    if (!this.#shapes.has(weight)) return x;
    const { weights, architecture } = this.#parts;
    const hasBias = bias !== undefined && this.#shapes.has(bias);
    return writeNorm(this.#graph, x, {
      ...architecture.norm,
      name: `${this.#layer}.${weight}`,
      weight: weights.layer(this.#layer, weight),
      bias: hasBias ? weights.layer(this.#layer, bias) : undefined,
    });
  }

  /** The matrices one above the other in one product, with their biases where they have any. */
  linear(x: string, name: string, matrices: readonly Matrix[]): string {
    const tensor = (weight: LayerWeight) => this.#parts.weights.layer(this.#layer, weight);
    const biases = matrices
      .map((matrix) => `${matrix}Bias` as const)
      .filter((bias) => this.#shapes.has(bias));
    const layer: LinearLayer = {
      name: `${this.#layer}.${name}`,
      matrices: matrices.map(tensor),
      biases: biases.map(tensor),
    };
    return this.#parts.linear(this.#graph, x, layer);
  }

  mlp(x: string): string {
    const { mlp, activation } = this.#parts.architecture;
    if (mlp === "plain") {
      return this.linear(this.#activate(this.linear(x, "up", ["up"]), activation), "down", [
        "down",
      ]);
    }
    const gate = this.linear(x, "gate", ["gate"]);
    const up = this.linear(x, "up", ["up"]);
    const product = this.#graph.op("Mul", [this.#activate(gate, activation), up]);
    return this.linear(product, "down", ["down"]);
  }

  #activate(x: string, activation: Activation): string {
    const graph = this.#graph;
    switch (activation) {
      case "silu":
        return graph.op("Mul", [x, graph.op("Sigmoid", [x])]);
      case "gelu":
        return graph.op("Gelu", [x], { attributes: { approximate: text("none") } });
      case "gelu-tanh":
        return graph.op("Gelu", [x], { attributes: { approximate: text("tanh") } });
      case "relu":
        return graph.op("Relu", [x]);
    }
  }
}
