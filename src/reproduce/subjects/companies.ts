/** Companies: what they make or do, and where they are from. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Companies in English. */
export const COMPANIES: Subjects = subjectsOf(["product", "company-country"], {
  development: `
    Toyota: car/automobile/vehicle/truck/automotive | Japan
    Microsoft: software/computer/operating system | United States/USA/America
    Nike: shoe/sportswear/footwear/sneaker/clothing/apparel | United States/USA/America
    Samsung: phone/electronics/smartphone/television/semiconductor | South Korea/Korea
    Boeing: airplane/aircraft/plane/aerospace | United States/USA/America
    Nestlé: food/chocolate/coffee/beverage | Switzerland
    BMW: car/automobile/vehicle/motorcycle/automotive | Germany
    Sony: electronics/game/television/camera/video game | Japan
    Pepsi: drink/beverage/soda/soft drink | United States/USA/America
    IKEA: furniture | Sweden
    Pfizer: drug/pharmaceutical/medicine/vaccine | United States/USA/America
    Shell: oil/gas/petroleum/energy | Netherlands/UK/Britain/England/United Kingdom
    Walmart: retail/grocery/store/supermarket | United States/USA/America
    Ferrari: car/automobile/vehicle/sports car/automotive | Italy
    Intel: chip/processor/semiconductor/computer/microprocessor | United States/USA/America
    Nintendo: game/video game/console | Japan
    Netflix: movie/film/television/streaming/entertainment/video | United States/USA/America
    Volvo: car/automobile/vehicle/truck/automotive | Sweden
    Starbucks: coffee/beverage/drink | United States/USA/America
    Siemens: electronics/engineering/technology/electrical/machine | Germany
    Hyundai: car/automobile/vehicle/automotive | South Korea/Korea
    Chanel: fashion/perfume/clothing/luxury | France
    Canon: camera/printer/imaging/electronics | Japan
    Bayer: drug/pharmaceutical/medicine/chemical/aspirin | Germany
    Airbus: airplane/aircraft/plane/aerospace | France/Netherlands
    Heineken: beer/drink/beverage | Netherlands
    Levi's: jeans/clothing/pants | United States/USA/America
    Honda: car/automobile/vehicle/motorcycle/automotive | Japan
    Visa: credit card/payment/card/financial | United States/USA/America
    Gucci: fashion/clothing/luxury/bag/leather | Italy
    Huawei: phone/telecommunications/electronics/smartphone/network | China
    Kodak: camera/film/photography | United States/USA/America`,
  test: `
    Ford: car/automobile/vehicle/truck/automotive | United States/USA/America
    Apple: computer/phone/software/electronics/smartphone/iPhone | United States/USA/America
    Adidas: shoe/sportswear/footwear/sneaker/clothing/apparel | Germany
    LG: phone/electronics/appliance/television | South Korea/Korea
    Lockheed Martin: aircraft/airplane/aerospace/missile/defense/weapon | United States/USA/America
    Cadbury: chocolate/candy/food | England/United Kingdom/UK/Britain
    Mercedes: car/automobile/vehicle/automotive | Germany
    Panasonic: electronics/television/battery/camera | Japan
    Coca-Cola: drink/beverage/soda/soft drink | United States/USA/America
    Amazon: retail/book/store/e-commerce/online | United States/USA/America
    Novartis: drug/pharmaceutical/medicine | Switzerland
    Exxon: oil/gas/petroleum/energy | United States/USA/America
    Porsche: car/automobile/vehicle/sports car/automotive | Germany
    Nvidia: chip/processor/semiconductor/graphics/graphics card | United States/USA/America
    Sega: game/video game/console | Japan
    Disney: movie/film/entertainment/cartoon/animation | United States/USA/America
    Nissan: car/automobile/vehicle/automotive | Japan
    McDonald's: food/hamburger/burger/fast food | United States/USA/America
    Kia: car/automobile/vehicle/automotive | South Korea/Korea
    Dior: fashion/perfume/clothing/luxury | France
    Nikon: camera/lens/optics/imaging | Japan
    Merck: drug/pharmaceutical/medicine/chemical | Germany/United States/USA/America
    Guinness: beer/drink/beverage | Ireland
    Zara: clothing/fashion/clothes | Spain
    Renault: car/automobile/vehicle/automotive | France
    Mastercard: credit card/payment/card/financial | United States/USA/America
    Prada: fashion/clothing/luxury/bag/leather | Italy
    Nokia: phone/mobile phone/telecommunications/network | Finland
    Fiat: car/automobile/vehicle/automotive | Italy
    Tesla: car/automobile/vehicle/electric car/automotive/battery | United States/USA/America
    Lego: toy/brick | Denmark
    Yamaha: motorcycle/piano/musical instrument/instrument/music | Japan`,
});
