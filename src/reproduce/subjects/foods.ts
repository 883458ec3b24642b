/** Foods: what kind they are, and their colour. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Foods in English. */
export const FOODS: Subjects = subjectsOf(["food-kind", "colour"], {
  development: `
    banana: fruit | yellow
    carrot: vegetable/root | orange
    beef: meat | red/brown
    milk: dairy/drink/beverage | white
    rice: grain/cereal | white/brown
    strawberry: fruit/berry | red
    spinach: vegetable/leafy green/green | green
    salmon: fish/seafood | pink/orange/red
    cheese: dairy | yellow/white
    cinnamon: spice | brown/red
    coffee: drink/beverage | brown/black
    lemon: fruit/citrus | yellow
    potato: vegetable/root/tuber | brown/white/yellow
    chicken: meat/poultry | white/yellow/brown
    chocolate: dessert/sweet/candy | brown
    wheat: grain/cereal | yellow/brown/golden
    grape: fruit/berry | purple/green/red
    onion: vegetable | white/yellow/red
    pork: meat | pink/white/red
    butter: dairy/fat | yellow
    pepper: spice/vegetable | black/red/green
    wine: drink/beverage/alcohol | red/white
    cherry: fruit | red
    cucumber: vegetable/fruit | green
    shrimp: seafood/shellfish/crustacean | pink/white/red
    almond: nut | brown
    mango: fruit | yellow/orange/green
    broccoli: vegetable | green
    bean: legume/vegetable | green/brown/white/black
    orange: fruit/citrus | orange
    cabbage: vegetable | green/white/purple
    honey: sweetener/sugar/sweet | yellow/golden/brown`,
  test: `
    apple: fruit | red/green
    tomato: fruit/vegetable | red
    ham: meat/pork | pink/red
    yogurt: dairy | white
    corn: grain/vegetable/cereal | yellow
    raspberry: fruit/berry | red/pink
    lettuce: vegetable/leafy green/green | green
    tuna: fish/seafood | pink/red/white
    cream: dairy | white
    ginger: spice/root | yellow/brown
    tea: drink/beverage | green/brown/black
    lime: fruit/citrus | green
    turnip: vegetable/root | white/purple
    turkey: meat/poultry/bird | white/brown
    cake: dessert/sweet | white/yellow/brown
    barley: grain/cereal | brown/yellow/golden
    blueberry: fruit/berry | blue/purple
    garlic: vegetable/spice/herb/bulb | white
    lamb: meat | red/pink/white
    peach: fruit | orange/pink/yellow
    saffron: spice | yellow/red/orange
    beer: drink/beverage/alcohol | yellow/brown/golden
    plum: fruit | purple/red
    pumpkin: vegetable/fruit/squash | orange
    lobster: seafood/shellfish/crustacean | red
    walnut: nut | brown
    pineapple: fruit | yellow
    celery: vegetable | green
    lentil: legume/bean | brown/green/red/orange
    watermelon: fruit | green/red
    beet: vegetable/root | red/purple
    basil: herb/spice | green`,
});
