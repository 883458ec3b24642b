/** Animals: what kind they are, and where they live. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Animals in English. */
export const ANIMALS: Subjects = subjectsOf(["animal-class", "habitat"], {
  development: `
    tiger: mammal/cat | forest/jungle/grassland
    eagle: bird | mountain/sky/forest/air/cliff
    salmon: fish | river/ocean/water/sea/stream
    bee: insect | hive/garden/forest/meadow
    crocodile: reptile | river/water/swamp
    frog: amphibian | pond/water/wetland
    elephant: mammal | savanna/forest/grassland/jungle
    penguin: bird | ice/Antarctica/ocean/sea/water
    shark: fish | ocean/sea/water
    ant: insect | ground/colony/nest/soil/underground
    lizard: reptile | desert/tree/ground
    cow: mammal | farm/pasture/field
    owl: bird | forest/tree/wood
    tuna: fish | ocean/sea/water
    butterfly: insect | garden/forest/meadow
    turtle: reptile | ocean/water/sea/pond
    dolphin: mammal | ocean/sea/water
    parrot: bird | forest/jungle/rainforest/tree
    trout: fish | river/water/stream/lake
    mosquito: insect | water/swamp/wetland
    monkey: mammal/primate | forest/jungle/tree/rainforest
    duck: bird | water/pond/lake
    whale: mammal | ocean/sea/water
    spider: arachnid | web/house/forest/tree
    rabbit: mammal/rodent | burrow/forest/grassland/meadow/ground
    goose: bird | water/lake/pond/wetland
    wolf: mammal/dog | forest/wood/mountain
    sparrow: bird | tree/forest/nest
    cobra: reptile/snake | forest/jungle/desert/ground
    kangaroo: mammal/marsupial | Australia/grassland/desert
    bat: mammal | cave/forest
    camel: mammal | desert`,
  test: `
    lion: mammal/cat | savanna/grassland/forest/Africa
    horse: mammal | farm/stable/field/pasture/grassland
    pigeon: bird | city/tree/cliff
    cod: fish | ocean/sea/water
    wasp: insect | nest/tree/forest/garden
    snake: reptile | forest/desert/ground/grass/jungle
    toad: amphibian | pond/water/forest/wetland
    bear: mammal | forest/mountain/wood
    swan: bird | water/lake/pond/river
    goldfish: fish | aquarium/water/tank/pond
    beetle: insect | forest/ground/soil/tree
    alligator: reptile | swamp/water/river/wetland
    sheep: mammal | farm/pasture/field/mountain
    crow: bird | tree/forest/wood
    sardine: fish | ocean/sea/water
    dragonfly: insect | water/pond/wetland
    tortoise: reptile | desert/land/ground
    seal: mammal | ocean/sea/ice/water/coast
    hawk: bird | forest/mountain/sky/tree
    herring: fish | ocean/sea/water
    grasshopper: insect | grass/grassland/field/meadow
    gorilla: mammal/primate/ape | forest/jungle/rainforest
    chicken: bird | farm/coop
    squirrel: mammal/rodent | tree/forest/wood
    seagull: bird | coast/ocean/sea/beach
    fox: mammal/dog | forest/wood/den
    robin: bird | tree/forest/garden
    python: reptile/snake | forest/jungle/desert/rainforest
    giraffe: mammal | savanna/grassland/Africa
    octopus: mollusk/mollusc/cephalopod/invertebrate | ocean/sea/water
    deer: mammal | forest/wood
    ostrich: bird | savanna/desert/grassland/Africa`,
});
