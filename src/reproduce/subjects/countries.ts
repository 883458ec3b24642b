/** Countries and what is asked of them. A country with several official languages or names of its money has all of them. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Countries in English. */
export const COUNTRIES: Subjects = subjectsOf(["capital", "currency", "language", "continent"], {
  development: `
    France: Paris | euro | French | Europe
    Japan: Tokyo | yen | Japanese | Asia
    Brazil: Brasília/Brasilia | real/reais | Portuguese | South America
    Egypt: Cairo | pound | Arabic | Africa
    Mexico: Mexico City | peso | Spanish | North America/Central America
    Turkey: Ankara | lira | Turkish | Europe/Asia
    Sweden: Stockholm | krona/kronor | Swedish | Europe
    Thailand: Bangkok | baht | Thai | Asia
    Kenya: Nairobi | shilling | Swahili/English | Africa
    Argentina: Buenos Aires | peso | Spanish | South America
    Russia: Moscow | ruble/rouble | Russian | Europe/Asia
    Canada: Ottawa | dollar | English/French | North America
    Greece: Athens | euro | Greek | Europe
    Poland: Warsaw | złoty/zloty | Polish | Europe
    Iran: Tehran | rial | Persian/Farsi | Asia/Middle East
    Ireland: Dublin | euro | English/Irish | Europe
    Portugal: Lisbon | euro | Portuguese | Europe
    Hungary: Budapest | forint | Hungarian | Europe
    Indonesia: Jakarta | rupiah | Indonesian | Asia
    Pakistan: Islamabad | rupee | Urdu | Asia
    Ghana: Accra | cedi | English | Africa
    Morocco: Rabat | dirham | Arabic | Africa
    Colombia: Bogotá/Bogota | peso | Spanish | South America
    Peru: Lima | sol/soles | Spanish | South America
    Finland: Helsinki | euro | Finnish/Swedish | Europe
    Ukraine: Kyiv/Kiev | hryvnia | Ukrainian | Europe
    Malaysia: Kuala Lumpur | ringgit | Malay | Asia
    Ethiopia: Addis Ababa | birr | Amharic | Africa
    Cuba: Havana | peso | Spanish | North America/Caribbean
    Switzerland: Bern | franc | German/French/Italian | Europe
    Nepal: Kathmandu | rupee | Nepali | Asia
    Iceland: Reykjavik/Reykjavík | krona/króna | Icelandic | Europe`,
  test: `
    Germany: Berlin | euro | German | Europe
    Italy: Rome | euro | Italian | Europe
    Spain: Madrid | euro | Spanish | Europe
    China: Beijing | yuan/renminbi | Chinese/Mandarin | Asia
    India: New Delhi/Delhi | rupee | Hindi/English | Asia
    Australia: Canberra | dollar | English | Australia/Oceania
    Norway: Oslo | krone/kroner | Norwegian | Europe
    Vietnam: Hanoi | dong/đồng | Vietnamese | Asia
    Nigeria: Abuja | naira | English | Africa
    Chile: Santiago | peso | Spanish | South America
    Israel: Jerusalem | shekel | Hebrew | Asia/Middle East
    Denmark: Copenhagen | krone/kroner | Danish | Europe
    Austria: Vienna | euro | German | Europe
    Belgium: Brussels | euro | Dutch/French/German | Europe
    Romania: Bucharest | leu/lei | Romanian | Europe
    Bulgaria: Sofia | lev/leva/euro | Bulgarian | Europe
    Saudi Arabia: Riyadh | riyal | Arabic | Asia/Middle East
    Iraq: Baghdad | dinar | Arabic | Asia/Middle East
    Bangladesh: Dhaka | taka | Bengali/Bangla | Asia
    Philippines: Manila | peso | Filipino/English/Tagalog | Asia
    Mongolia: Ulaanbaatar/Ulan Bator | tugrik/tögrög | Mongolian | Asia
    Tanzania: Dodoma | shilling | Swahili | Africa
    Algeria: Algiers | dinar | Arabic | Africa
    Tunisia: Tunis | dinar | Arabic | Africa
    Zimbabwe: Harare | dollar | English/Shona | Africa
    Venezuela: Caracas | bolívar/bolivar | Spanish | South America
    Ecuador: Quito | dollar | Spanish | South America
    Bolivia: La Paz/Sucre | boliviano | Spanish | South America
    Jamaica: Kingston | dollar | English | North America/Caribbean
    New Zealand: Wellington | dollar | English | Oceania
    Croatia: Zagreb | euro/kuna | Croatian | Europe
    Cambodia: Phnom Penh | riel | Khmer | Asia`,
});
