/** Dishes and the country that they come from. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Dishes in English. */
export const DISHES: Subjects = subjectsOf(["origin"], {
  development: `
    sushi: Japan/Japanese
    pizza: Italy/Italian
    paella: Spain/Spanish
    kimchi: Korea/South Korea/Korean
    tacos: Mexico/Mexican
    croissants: France/French
    curry: India/Indian/Thailand/Thai
    pho: Vietnam/Vietnamese
    dim sum: China/Chinese
    baklava: Turkey/Turkish/Greece/Greek
    sauerkraut: Germany/German
    goulash: Hungary/Hungarian
    borscht: Ukraine/Ukrainian/Russia/Russian
    haggis: Scotland/Scottish
    couscous: Morocco/Moroccan/North Africa/Tunisia/Algeria
    ceviche: Peru/Peruvian
    lasagna: Italy/Italian
    tempura: Japan/Japanese
    guacamole: Mexico/Mexican
    ratatouille: France/French
    naan: India/Indian
    chow mein: China/Chinese
    moussaka: Greece/Greek
    bratwurst: Germany/German
    gazpacho: Spain/Spanish
    risotto: Italy/Italian
    burritos: Mexico/Mexican
    quiche: France/French
    samosas: India/Indian
    tofu: China/Chinese/Japan/Japanese
    hamburgers: United States/USA/America/American/Germany
    fondue: Switzerland/Swiss/France/French`,
  test: `
    ramen: Japan/Japanese/China
    spaghetti: Italy/Italian
    tapas: Spain/Spanish
    bibimbap: Korea/South Korea/Korean
    enchiladas: Mexico/Mexican
    baguettes: France/French
    biryani: India/Indian
    pad thai: Thailand/Thai
    wontons: China/Chinese
    kebab: Turkey/Turkish/Middle East
    pretzels: Germany/German
    pierogi: Poland/Polish
    feta: Greece/Greek
    poutine: Canada/Canadian
    falafel: Egypt/Egyptian/Middle East/Israel/Lebanon
    feijoada: Brazil/Brazilian/Portugal
    ravioli: Italy/Italian
    sashimi: Japan/Japanese
    quesadillas: Mexico/Mexican
    crepes: France/French
    chutney: India/Indian
    bulgogi: Korea/South Korea/Korean
    tzatziki: Greece/Greek
    schnitzel: Austria/Austrian/Germany/German
    tortillas: Mexico/Mexican/Spain/Spanish
    gnocchi: Italy/Italian
    tamales: Mexico/Mexican
    escargot: France/French
    teriyaki: Japan/Japanese
    tiramisu: Italy/Italian
    hummus: Middle East/Lebanon/Lebanese/Israel/Egypt
    gelato: Italy/Italian`,
});
