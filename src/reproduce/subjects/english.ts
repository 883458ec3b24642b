/** The subjects of the English domains. */
import { ANIMALS } from "./animals.ts";
import { CITIES } from "./cities.ts";
import { COMPANIES } from "./companies.ts";
import { COUNTRIES } from "./countries.ts";
import { DISHES } from "./dishes.ts";
import { FOODS } from "./foods.ts";
import { OBJECTS } from "./objects.ts";
import { PEOPLE } from "./people.ts";
import type { Subjects } from "./subjects.ts";

/** Subjects by domain. */
export const ENGLISH_SUBJECTS: Readonly<Record<string, Subjects>> = {
  country: COUNTRIES,
  city: CITIES,
  animal: ANIMALS,
  person: PEOPLE,
  company: COMPANIES,
  food: FOODS,
  dish: DISHES,
  object: OBJECTS,
};
