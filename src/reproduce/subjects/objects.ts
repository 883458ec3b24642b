/** Things of everyday life: what they are made of, and what kind of thing they are. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Objects in English. */
export const OBJECTS: Subjects = subjectsOf(["material", "object-kind"], {
  development: `
    hammer: metal/steel/wood/iron | tool
    table: wood/metal/glass | furniture
    violin: wood | instrument/musical instrument
    shirt: cotton/cloth/fabric/wool/linen | clothing/clothes/garment
    bottle: glass/plastic | container
    knife: metal/steel | tool/utensil/weapon/cutlery
    sofa: leather/fabric/wood/cloth | furniture
    piano: wood | instrument/musical instrument
    shoe: leather/rubber/cloth | clothing/footwear
    bus: metal/steel | vehicle/transport/transportation
    sword: metal/steel/iron | weapon
    book: paper | literature/publication
    truck: metal/steel | vehicle/transport/transportation
    necklace: gold/silver/beads/metal | jewelry/jewellery
    spoon: metal/wood/steel/plastic/silver | utensil/tool/cutlery
    chair: wood/metal/plastic | furniture
    drum: wood/skin/leather | instrument/musical instrument
    coat: wool/leather/fur/cloth/fabric | clothing/clothes/garment
    bucket: plastic/metal/wood | container
    screwdriver: metal/steel/plastic | tool
    bed: wood/metal | furniture
    bicycle: metal/steel/aluminum | vehicle/transport/transportation
    rifle: metal/wood/steel | weapon/gun/firearm
    scarf: wool/silk/cotton/cloth/fabric | clothing/clothes/accessory
    flute: wood/metal/silver | instrument/musical instrument
    bracelet: gold/silver/leather/metal | jewelry/jewellery
    boat: wood/metal/fiberglass | vehicle/vessel/transport/transportation
    saw: metal/steel | tool
    basket: wicker/straw/wood/reed | container
    doll: plastic/cloth/wood/porcelain | toy
    computer: metal/plastic/silicon | machine/device/electronics
    fork: metal/steel/silver/plastic | utensil/tool/cutlery`,
  test: `
    wrench: metal/steel | tool
    desk: wood/metal | furniture
    guitar: wood | instrument/musical instrument
    jacket: leather/cotton/cloth/fabric/wool | clothing/clothes/garment
    jar: glass/clay/ceramic | container
    axe: metal/steel/wood/iron/stone | tool/weapon
    bookshelf: wood | furniture
    trumpet: brass/metal | instrument/musical instrument
    boot: leather/rubber | footwear/clothing
    car: metal/steel | vehicle/transport/transportation/automobile
    dagger: metal/steel/iron | weapon
    newspaper: paper | publication/media
    train: metal/steel | vehicle/transport/transportation
    ring: gold/silver/metal | jewelry/jewellery
    pan: metal/iron/steel/aluminum | utensil/cookware/container
    cupboard: wood | furniture
    cello: wood | instrument/musical instrument
    dress: cotton/silk/cloth/fabric/lace | clothing/clothes/garment
    barrel: wood/metal/oak | container
    pliers: metal/steel | tool
    wardrobe: wood | furniture
    motorcycle: metal/steel | vehicle/transport/transportation
    pistol: metal/steel | weapon/gun/firearm
    sweater: wool/cotton | clothing/clothes/garment
    harp: wood | instrument/musical instrument
    earring: gold/silver/metal | jewelry/jewellery
    airplane: metal/aluminum/aluminium | vehicle/aircraft/transport/transportation
    shovel: metal/wood/steel | tool
    bag: leather/plastic/cloth/paper/fabric | container/accessory
    teddy bear: fabric/cotton/fur/cloth/wool | toy
    television: plastic/metal/glass | device/electronics/appliance
    trousers: cotton/wool/cloth/fabric/denim | clothing/clothes/garment`,
});
