/**
 * Keys and values of rows' own tokens in the memory of a device. A step of decoding is fed what the step before has put
 * out, so that none of them cross to JavaScript: rows that are told apart, or left behind, are picked on the device.
 */
import { firstRows, pick, type Alike, type AlikeStep } from "./alike.ts";
import { blockName } from "./graph/decoder-io.ts";
import { missing } from "./onnx-cache.ts";
import type { OwnBlockKv, OwnKeys, OwnStep, OwnTokens } from "./own-tokens.ts";
import type { DeviceMemory, RuntimeTensor } from "./runtime.ts";

/** A tensor that several caches may have. */
interface Held {
  readonly tensor: RuntimeTensor;
  readonly isOnDevice: boolean;
  users: number;
}

/** `[kvHeads, tensor's rows, length, headSize]` each. */
interface DeviceBlock {
  readonly alike: Alike;
  readonly keys: Held;
  readonly values: Held;
  /** `[alike.count]`: which of the tensor's rows each is. */
  readonly rows: readonly number[];
}

export class DeviceTokens implements OwnKeys {
  readonly rows: number;
  readonly #memory: DeviceMemory;
  #length: number;
  #blocks: readonly DeviceBlock[];

  private constructor(
    { rows, length }: Pick<OwnKeys, "rows" | "length">,
    blocks: readonly DeviceBlock[],
    memory: DeviceMemory,
  ) {
    this.rows = rows;
    this.#length = length;
    this.#blocks = blocks;
    this.#memory = memory;
  }

  /** What a prefill has left in JavaScript's memory: the next step takes it to the device. */
  static from(own: OwnTokens, memory: DeviceMemory): DeviceTokens {
    const blocks = own.blocks.map(({ alike, keys, values }): DeviceBlock => ({
      alike,
      keys: { tensor: keys, isOnDevice: false, users: 1 },
      values: { tensor: values, isOnDevice: false, users: 1 },
      rows: firstRows(alike.count),
    }));
    return new DeviceTokens(own, blocks, memory);
  }

  get length(): number {
    return this.#length;
  }

  get alike(): readonly Alike[] {
    return this.#blocks.map(({ alike }) => alike);
  }

  step(steps: readonly AlikeStep[]): OwnStep {
    const before = this.#blocks;
    return {
      past: (layer) => {
        const { keys, values } = before[layer] ?? missing();
        return { keys: keys.tensor, values: values.tensor };
      },
      pastRows: (layer) => {
        const { rows } = before[layer] ?? missing();
        return (steps[layer]?.past ?? missing()).map((place) => rows[place] ?? missing());
      },
      room: this.#length,
      puts: "whole",
      take: (got) => {
        this.#blocks = steps.map(({ alike }, layer): DeviceBlock => ({
          alike,
          keys: onDevice(got[blockName.wholeKeys(layer)]),
          values: onDevice(got[blockName.wholeValues(layer)]),
          rows: firstRows(alike.count),
        }));
        this.#length += 1;
        this.#release(before);
      },
    };
  }

  select(rows: readonly number[]): DeviceTokens {
    const blocks = this.#blocks.map((block): DeviceBlock => {
      const { alike, past } = pick(block.alike, rows);
      return {
        alike,
        keys: retained(block.keys),
        values: retained(block.values),
        rows: past.map((place) => block.rows[place] ?? missing()),
      };
    });
    return new DeviceTokens({ rows: rows.length, length: this.#length }, blocks, this.#memory);
  }

  block(layer: number): OwnBlockKv {
    const { alike, keys, values, rows } = this.#blocks[layer] ?? missing();
    return {
      keys: keys.tensor,
      values: values.tensor,
      count: keys.tensor.dims[1] ?? missing(),
      room: this.#length,
      placeOf: (row) => rows[alike.of[row] ?? missing()] ?? missing(),
    };
  }

  async bringHome(): Promise<void> {
    const before = this.#blocks;
    const away = before.flatMap(({ keys, values }) => [keys, values]).filter(isAway);
    const read = await this.#memory.read(away.map(({ tensor }) => tensor));
    const home = (held: Held): Held => {
      if (!isAway(held)) return retained(held);
      return { tensor: read[away.indexOf(held)] ?? missing(), isOnDevice: false, users: 1 };
    };
    this.#blocks = before.map((block) => ({
      ...block,
      keys: home(block.keys),
      values: home(block.values),
    }));
    this.#release(before);
  }

  dispose(): void {
    this.#release(this.#blocks);
    this.#blocks = [];
  }

  #release(blocks: readonly DeviceBlock[]): void {
    for (const held of blocks.flatMap(({ keys, values }) => [keys, values])) {
      held.users -= 1;
      if (held.users === 0 && held.isOnDevice) this.#memory.free(held.tensor);
    }
  }
}

function isAway({ isOnDevice }: Held): boolean {
  return isOnDevice;
}

/** The same for one user more. */
function retained(held: Held): Held {
  held.users += 1;
  return held;
}

function onDevice(tensor: RuntimeTensor | undefined): Held {
  return { tensor: tensor ?? missing(), isOnDevice: true, users: 1 };
}
