import { expect, test } from "vitest";
import { remembered } from "./remembered.ts";

test("What was asked for last is not read again", async () => {
  const read: string[] = [];
  const of = remembered((file: string, tensor?: string) => {
    read.push(`${file} ${tensor ?? ""}`);
    return Promise.resolve(file);
  }, 2);
  for (const file of ["a", "a", "b", "a", "c", "a", "b"]) expect(await of(file)).toBe(file);
  expect(read).toEqual(["a ", "b ", "c ", "b "]);
  await of("b", "x");
  expect(read.at(-1)).toBe("b x");
});
