/** The kinds of things that questions are asked of, each with a contrast set; none of it is ever a test subject. */
import type { Domain } from "./question.ts";

/** The domains in English, by name. */
export const ENGLISH_DOMAINS: Readonly<Record<string, Domain>> = {
  country: {
    name: "country",
    frame: "I spent the summer in {}",
    contrast: list(
      "France, Japan, Brazil, Egypt, Mexico, Turkey, Sweden, Thailand, Kenya, Argentina, Russia, Canada, Greece, Poland, Iran, Ireland",
    ),
  },
  city: {
    name: "city",
    frame: "My friend moved to {}",
    contrast: list(
      "Paris, Tokyo, Rome, Cairo, Chicago, Moscow, Mumbai, Sydney, Toronto, Istanbul, Stockholm, Bangkok, Nairobi, Buenos Aires, Athens, Warsaw",
    ),
  },
  animal: {
    name: "animal",
    frame: "We talked about the {}",
    contrast: list(
      "tiger, eagle, salmon, bee, crocodile, frog, elephant, penguin, shark, ant, lizard, cow, owl, tuna, butterfly, turtle",
    ),
  },
  person: {
    name: "person",
    frame: "I read a long article about {}",
    contrast: list(
      "Albert Einstein, Wolfgang Amadeus Mozart, Pablo Picasso, William Shakespeare, Abraham Lincoln, Michael Jordan, Leonardo da Vinci, Charles Darwin, Mahatma Gandhi, Johann Sebastian Bach, Napoleon Bonaparte, Aristotle, Jane Austen, Bill Gates, Elvis Presley, Nelson Mandela",
    ),
  },
  company: {
    name: "company",
    frame: "My sister got a new job at {}",
    contrast: list(
      "Toyota, Microsoft, Nike, Samsung, Boeing, Nestlé, BMW, Sony, Pepsi, IKEA, Pfizer, Shell, Walmart, Ferrari, Intel, Nintendo",
    ),
  },
  food: {
    name: "food",
    frame: "For the meal we bought some {}",
    contrast: list(
      "banana, carrot, beef, milk, rice, strawberry, spinach, salmon, cheese, cinnamon, coffee, lemon, potato, chicken, chocolate, wheat",
    ),
  },
  dish: {
    name: "dish",
    frame: "For dinner they had {}",
    contrast: list(
      "sushi, pizza, paella, kimchi, tacos, croissants, curry, pho, dim sum, baklava, sauerkraut, goulash, borscht, haggis, couscous, ceviche",
    ),
  },
  object: {
    name: "object",
    frame: "He was looking for the {}",
    contrast: list(
      "hammer, table, violin, shirt, bottle, knife, sofa, piano, shoe, bus, sword, book, truck, necklace, spoon, chair",
    ),
  },
};

/** The domains in Korean, by name. */
export const KOREAN_DOMAINS: Readonly<Record<string, Domain>> = {
  나라: {
    name: "나라",
    frame: "나는 지난여름에 다녀온 {}",
    contrast: list(
      "프랑스, 일본, 브라질, 이집트, 멕시코, 터키, 스웨덴, 태국, 케냐, 아르헨티나, 러시아, 캐나다, 그리스, 폴란드, 이란, 아일랜드",
    ),
  },
  도시: {
    name: "도시",
    frame: "내 친구가 이사한 {}",
    contrast: list(
      "파리, 도쿄, 로마, 카이로, 시카고, 모스크바, 뭄바이, 시드니, 토론토, 이스탄불, 스톡홀름, 방콕, 나이로비, 부에노스아이레스, 아테네, 바르샤바",
    ),
  },
  동물: {
    name: "동물",
    frame: "우리가 이야기한 {}",
    contrast: list(
      "호랑이, 독수리, 연어, 꿀벌, 악어, 개구리, 코끼리, 펭귄, 상어, 개미, 도마뱀, 소, 올빼미, 참치, 나비, 거북이",
    ),
  },
  음식: {
    name: "음식",
    frame: "어머니가 시장에서 산 {}",
    contrast: list(
      "바나나, 당근, 소고기, 우유, 쌀, 딸기, 시금치, 연어, 치즈, 계피, 커피, 레몬, 감자, 닭고기, 초콜릿, 밀",
    ),
  },
};

function list(words: string): readonly string[] {
  return words.split(", ");
}
