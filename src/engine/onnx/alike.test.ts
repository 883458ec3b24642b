import { expect, test } from "vitest";
import { alikeUntilEntry, pick, stepOf, type Alike } from "./alike.ts";

const DIFFERENT: Alike = { count: 3, of: [0, 1, 2] };

test("Before a row enters it is like all that have not entered either", () => {
  expect(alikeUntilEntry([0, 1, 3, 3], 4)).toEqual([
    { count: 2, of: [0, 1, 1, 1] },
    { count: 3, of: [0, 1, 2, 2] },
    { count: 3, of: [0, 1, 2, 2] },
    { count: 4, of: [0, 1, 2, 3] },
  ]);
});

test("Rows behind different contexts are not alike", () => {
  expect(alikeUntilEntry([1, 2, 2, 2], 2, ["5", "5", "3", "5"])).toEqual([
    { count: 2, of: [0, 0, 1, 0] },
    { count: 3, of: [0, 1, 2, 1] },
  ]);
});

test("Rows that get the same token stay alike, and come apart where they enter", () => {
  const steps = stepOf(alikeUntilEntry([1, 2, 2], 3), [7, 7, 7], []);
  expect(steps).toEqual([
    { alike: { count: 1, of: [0, 0, 0] }, from: [0], past: [0] },
    { alike: { count: 2, of: [0, 1, 1] }, from: [0, 0], past: [0, 1] },
    { alike: DIFFERENT, from: [0, 1, 1], past: [0, 1, 2] },
  ]);
});

test("Rows that get another token are told apart in every block", () => {
  const steps = stepOf(alikeUntilEntry([2, 2, 2], 2), [7, 8, 7], []);
  const apart = { alike: { count: 2, of: [0, 1, 0] }, past: [0, 0] };
  expect(steps).toEqual([
    { ...apart, from: [0, 1] },
    { ...apart, from: [0, 1] },
  ]);
});

test("Once told apart, rows stay so", () => {
  const [first] = stepOf(alikeUntilEntry([1, 1], 1), [7, 8], []);
  const [second] = stepOf([first?.alike ?? DIFFERENT], [9, 9], []);
  expect(second).toEqual({ alike: { count: 2, of: [0, 1] }, from: [0, 1], past: [0, 1] });
});

test("Rows that look back in different ways are told apart from there on", () => {
  const blocked = [
    { layer: 1, row: 0, to: 4 },
    { layer: 1, row: 0, to: 2 },
    { layer: 1, row: 2, to: 2 },
    { layer: 1, row: 2, to: 4 },
  ];
  const steps = stepOf(alikeUntilEntry([3, 3, 3], 3), [7, 7, 7], blocked);
  expect(steps.map(({ alike }) => alike.of)).toEqual([
    [0, 0, 0],
    [0, 1, 0],
    [0, 1, 0],
  ]);
  expect(steps.map(({ from }) => from)).toEqual([[0], [0, 0], [0, 1]]);
});

test("Of some of the rows only those are kept that some are like", () => {
  expect(pick({ count: 3, of: [0, 1, 1, 2] }, [3, 2, 1, 3])).toEqual({
    alike: { count: 2, of: [0, 1, 1, 0] },
    past: [2, 1],
  });
});
