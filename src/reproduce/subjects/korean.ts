/** The subjects of the Korean domains. */
import { KOREAN_CITIES, KOREAN_COUNTRIES } from "./korean-places.ts";
import { KOREAN_ANIMALS, KOREAN_FOODS } from "./korean-things.ts";
import type { Subjects } from "./subjects.ts";

/** Subjects by domain. */
export const KOREAN_SUBJECTS: Readonly<Record<string, Subjects>> = {
  나라: KOREAN_COUNTRIES,
  도시: KOREAN_CITIES,
  동물: KOREAN_ANIMALS,
  음식: KOREAN_FOODS,
};
