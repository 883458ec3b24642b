/**
 * The questions in English. Wordings and their weights were chosen on development subjects only, on SmolLM2-135M-Instruct:
 * a placeholder in the middle and the cue at the end do well, and so does an example of another thing of the same kind.
 */
import type { Question } from "./question.ts";

/** The English questions, in the order in which they are best shown. */
export const ENGLISH_QUESTIONS: readonly Question[] = [
  question("currency", "country", "the money of a country", [
    [0.47, "The official currency of x"],
    [0.44, "The currency of Britain is the pound, the currency of x is the"],
    [0.44, "Travellers to x exchange their money for the local currency, the"],
  ]),
  question("capital", "country", "the capital of a country", [
    [0.84, "The president of x lives in the capital city of"],
    [0.78, "The capital of x is the city of"],
    [0.75, "The government of x is in the city of"],
  ]),
  question("language", "country", "the language of a country", [
    [0.81, "In Austria people speak German, and in x people speak"],
    [0.78, "Children in x learn to read and write in"],
    [0.66, "The people of x speak the language called"],
  ]),
  question("continent", "country", "the continent of a country", [
    [0.94, "The country of x is located on the continent of"],
    [0.84, "The country of Sweden lies in Europe, and the country of x lies in"],
    [0.81, "Travellers to x fly to the continent of"],
  ]),
  question("city-country", "city", "the country of a city", [
    [0.94, "Most people in x are citizens of the country of"],
    [0.91, "The city of x is in the country of"],
    [0.81, "Leeds is a city in England, and x is a city in"],
  ]),
  question("city-continent", "city", "the continent of a city", [
    [0.94, "The country in which x lies is on the continent of"],
    [0.91, "The city of x is located on the continent of"],
    [0.66, "The city of Leeds lies in Europe, and the city of x lies in"],
  ]),
  question("animal-class", "animal", "what kind of animal it is", [
    [0.72, "A mouse is a mammal, a moth is an insect, and a x is"],
    [0.63, "A mouse is a mammal, and a x is a"],
    [0.44, "The x is a kind of"],
  ]),
  question("habitat", "animal", "where an animal lives", [
    [0.53, "The x makes its home in the"],
    [0.44, "The x lives in the"],
    [0.41, "Moles live underground, and the x lives in"],
  ]),
  question("occupation", "person", "what a person did", [
    [0.81, "We know that x was a famous"],
    [0.75, "The man called x is best known as a"],
    [0.72, "Rubens was a painter, and x was a"],
  ]),
  question("nationality", "person", "where a person was from", [
    [0.63, "Rubens was Flemish, and x was"],
    [0.5, "Ibsen was a Norwegian writer, and x was a"],
    [0.41, "The passport of x says that the nationality is"],
  ]),
  question("product", "company", "what a company makes or sells", [
    [0.72, "Fischer makes skis, and x makes"],
    [0.69, "Fischer sells skis, Steinway sells pianos, and x sells"],
    [0.53, "People go to x to buy"],
  ]),
  question("company-country", "company", "the country of a company", [
    [0.53, "Fischer is a company from Austria, and x is a company from"],
    [0.47, "Fischer was founded in Austria, and x was founded in"],
    [0.41, "The country in which x has its headquarters is"],
  ]),
  question("food-kind", "food", "what kind of food it is", [
    [0.88, "An apricot is a fruit, a leek is a vegetable, and x is"],
    [0.75, "The cook said that x is a type of"],
    [0.72, "A leek is a vegetable, and x is a"],
  ]),
  question("material", "object", "what a thing is made of", [
    [0.72, "A brick is made of clay, and a x is made of"],
    [0.72, "A brick is made of clay, a coin is made of metal, and a x is made of"],
    [0.59, "A x is usually made of"],
  ]),
  question("object-kind", "object", "what kind of thing it is", [
    [0.75, "A carpet is a floor covering, and a x is a"],
    [0.72, "A whistle is an instrument, a spade is a tool, and a x is"],
    [0.47, "A x is a type of"],
  ]),
  question("origin", "dish", "where a dish comes from", [
    [0.53, "Fish and chips is a dish from England, and x is a dish from"],
    [0.5, "Fish and chips is English, and x is"],
    [0.44, "The recipe for x is a traditional dish from"],
  ]),
];

function question(
  name: string,
  domain: string,
  asks: string,
  wordings: readonly (readonly [weight: number, text: string])[],
): Question {
  return {
    name,
    language: "en",
    domain,
    asks,
    wordings: wordings.map(([weight, text]) => ({ text, weight })),
    pairs: [
      { source: 0.2, target: 0 },
      { source: 0.3, target: 0.1 },
      { source: 0.2, target: 0.2 },
    ],
    // The language of Japan is Japanese.
    mayBeName: name === "language" || name === "nationality",
  };
}
