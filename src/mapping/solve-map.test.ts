import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "../errors.ts";
import type { FittedKind } from "../map-kinds.ts";
import { mapped, type FittedMap } from "./mapping.ts";
import { Moments } from "./moments.ts";
import { solveMap } from "./solve-map.ts";

const WIDTH = 5;

/** Numbers from -1 to 1 that follow from a seed. */
function numbers(seed: number, count: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Fits states of `width` numbers to what `map` makes of them, in batches of 7. */
async function refit(
  kind: FittedKind,
  map: FittedMap,
  { states = 100, ridge = 0, seed = 1, rank = WIDTH } = {},
): Promise<FittedMap | undefined> {
  const moments = new Moments(kind, { x: WIDTH, y: WIDTH });
  for (let from = 0; from < states; from += 7) {
    const rows = Math.min(7, states - from);
    const x = Float32Array.from(numbers(seed + from, rows * WIDTH), (value) => value * 3 + 10);
    const y = new Float32Array(rows * WIDTH);
    for (let row = 0; row < rows; row++) {
      y.set(mapped(map, x.subarray(row * WIDTH, (row + 1) * WIDTH)), row * WIDTH);
    }
    await moments.add({ rows, x, y });
  }
  return solveMap(kind, moments.covariances(), { ridge, rank });
}

function expectNear(actual: Float32Array, expected: ArrayLike<number>): void {
  for (const [i, value] of actual.entries()) {
    expect(Math.abs(value - (expected[i] ?? NaN))).toBeLessThan(1e-4);
  }
}

describe("Fitting finds the map that the states came from", () => {
  test("affine", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const weight = Float32Array.from(numbers(seed, WIDTH * WIDTH));
        const bias = Float32Array.from(numbers(seed + 1, WIDTH));
        const found = await refit("affine", { kind: "affine", weight, bias }, { seed });
        assert(found?.kind === "affine", "an affine map was found");
        expectNear(found.weight, weight);
        expectNear(
          found.bias.map((value) => value / 100),
          bias.map((value) => value / 100),
        );
      }),
      { numRuns: 30 },
    );
  });

  test("a rotation, with a scale and a bias", async () => {
    const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
    const rotation = new Float32Array(WIDTH * WIDTH);
    for (let i = 0; i < WIDTH; i++) rotation[i * WIDTH + i] = i < 2 ? cos : i === 4 ? -1 : 1;
    rotation[1] = -sin;
    rotation[WIDTH] = sin;
    const bias = Float32Array.of(1, 2, 3, 4, 5);
    const found = await refit("procrustes", { kind: "procrustes", rotation, scale: 0.5, bias });
    assert(found?.kind === "procrustes", "an orthogonal map was found");
    expectNear(found.rotation, rotation);
    expect(found.scale).toBeCloseTo(0.5, 5);
    expectNear(found.bias, bias);
  });

  test("a factor and a bias for each number", async () => {
    const map = {
      kind: "scalar-affine",
      factor: Float32Array.of(1, -2, 0, 0.5, 3),
      bias: Float32Array.of(0, 1, 2, 3, -4),
    } as const;
    const found = await refit("scalar-affine", map);
    assert(found?.kind === "scalar-affine", "a map was found");
    expectNear(found.factor, map.factor);
    expectNear(found.bias, map.bias);
  });
});

const IDENTITY: FittedMap = {
  kind: "scalar-affine",
  factor: Float32Array.of(1),
  bias: new Float32Array(WIDTH),
};

test("What is found for orthogonal maps is orthogonal, whatever the states", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const weight = Float32Array.from(numbers(seed, WIDTH * WIDTH));
      const map = { kind: "affine", weight, bias: new Float32Array(WIDTH) } as const;
      const found = await refit("procrustes", map, { seed });
      if (found === undefined) return;
      assert(found.kind === "procrustes", "an orthogonal map was found");
      for (let i = 0; i < WIDTH; i++) {
        for (let j = 0; j < WIDTH; j++) {
          let dot = 0;
          for (let k = 0; k < WIDTH; k++) {
            dot += (found.rotation[i * WIDTH + k] ?? 0) * (found.rotation[j * WIDTH + k] ?? 0);
          }
          expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("A ridge pulls the weights of an affine map towards zero, and its mean stays", async () => {
  const free = await refit("affine", IDENTITY);
  const pulled = await refit("affine", IDENTITY, { ridge: 1 });
  assert(free?.kind === "affine" && pulled?.kind === "affine", "both were found");
  expect(free.weight[0]).toBeCloseTo(1, 4);
  expect(pulled.weight[0]).toBeGreaterThan(0.3);
  expect(pulled.weight[0]).toBeLessThan(0.7);
});

test("Fewer states than numbers determine no affine map, and with a ridge they do", async () => {
  expect(await refit("affine", IDENTITY, { states: 4 })).toBeUndefined();
  expect(await refit("affine", IDENTITY, { states: 4, ridge: 1e-3 })).toBeDefined();
  expect(await refit("procrustes", IDENTITY, { states: 3 })).toBeUndefined();
});

test("A number that never changes weighs nothing", async () => {
  const moments = new Moments("affine", { x: 2, y: 2 });
  const values = numbers(3, 20);
  const x = Float32Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0 ? (values[i / 2] ?? 0) : 1000.1,
  );
  await moments.add({ rows: 20, x, y: x.map((value) => 2 * value) });
  const found = solveMap("affine", moments.covariances(), { ridge: 0 });
  assert(found?.kind === "affine", "a map was found");
  expect([...found.weight].map((value) => Math.round(value * 1e4) / 1e4)).toEqual([2, 0, 0, 0]);
  expect(found.bias[1]).toBeCloseTo(2000.2, 2);
});
