import { expect, test } from "vitest";
import { beginsAnswer, namesAnswer } from "./answers.ts";

test.each([
  [" Tokyo, the capital", ["Tokyo"], true],
  ["It is TOKYO.", ["tokyo"], true],
  ["in New\nYork City", ["New York"], true],
  ["Romania", ["Rome", "Roman"], false],
  ["a panorama of Oman's coast", ["Oman"], true],
  ["a woman", ["Oman"], false],
  ["Washington, D.C.", ["Washington, D.C."], true],
  ["Washington, DxC", ["D.C"], false],
  ["C++ and C", ["C++"], true],
  ["서울은 수도이다", ["서울"], true],
  ["남서울", ["서울"], false],
  ["東京です", ["東京"], true],
  ["Bogota\u0301 is", ["Bogotá"], true],
  ["nothing", [], false],
])("%j names %j: %j", (text, answers, is) => {
  expect(namesAnswer(text, answers)).toBe(is);
});

test.each([
  [" Tok", ["Tokyo"], true],
  [" tokyo", ["Tokyo"], true],
  [" the", ["Tokyo"], false],
  ["\n", ["Tokyo"], false],
  [" New", ["NYC", "New York"], true],
  [" Tokyos", ["Tokyo"], false],
])("%j begins %j: %j", (piece, answers, is) => {
  expect(beginsAnswer(piece, answers)).toBe(is);
});
