import { expect, test } from "vitest";
import { saidNext } from "./fit-lre.ts";

const pieceOf = (token: number): string => [" a", " the", " Lima"][token] ?? `<${token}>`;

test("What the model itself says behind texts is told, the most usual first", () => {
  expect(saidNext([1, 0, 0, 2, 0], pieceOf)).toContain('" a" (3), " the" (1), " Lima" (1). That');
  expect(saidNext([0, 1, 2, 3, 4, 5], pieceOf)).toContain('"<4>" (1), …. That');
  expect(saidNext([], pieceOf)).toBeUndefined();
});
