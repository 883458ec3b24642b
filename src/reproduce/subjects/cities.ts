/** Cities and where they are. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** Cities in English. */
export const CITIES: Subjects = subjectsOf(["city-country", "city-continent"], {
  development: `
    Paris: France | Europe
    Tokyo: Japan | Asia
    Rome: Italy | Europe
    Cairo: Egypt | Africa
    Chicago: United States/USA/America | North America
    Moscow: Russia | Europe
    Mumbai: India | Asia
    Sydney: Australia | Australia/Oceania
    Toronto: Canada | North America
    Istanbul: Turkey | Europe/Asia
    Stockholm: Sweden | Europe
    Bangkok: Thailand | Asia
    Nairobi: Kenya | Africa
    Buenos Aires: Argentina | South America
    Athens: Greece | Europe
    Warsaw: Poland | Europe
    Tehran: Iran | Asia/Middle East
    Dublin: Ireland | Europe
    Lisbon: Portugal | Europe
    Budapest: Hungary | Europe
    Jakarta: Indonesia | Asia
    Lagos: Nigeria | Africa
    Casablanca: Morocco | Africa
    Lima: Peru | South America
    Helsinki: Finland | Europe
    Shanghai: China | Asia
    Hamburg: Germany | Europe
    Manchester: England/United Kingdom/UK/Britain | Europe
    Barcelona: Spain | Europe
    Osaka: Japan | Asia
    Houston: United States/USA/America | North America
    Rio de Janeiro: Brazil | South America`,
  test: `
    London: England/United Kingdom/UK/Britain | Europe
    Berlin: Germany | Europe
    Madrid: Spain | Europe
    Beijing: China | Asia
    Delhi: India | Asia
    Melbourne: Australia | Australia/Oceania
    Oslo: Norway | Europe
    Hanoi: Vietnam | Asia
    Santiago: Chile | South America
    Jerusalem: Israel | Asia/Middle East
    Copenhagen: Denmark | Europe
    Vienna: Austria | Europe
    Brussels: Belgium | Europe
    Bucharest: Romania | Europe
    Baghdad: Iraq | Asia/Middle East
    Manila: Philippines | Asia
    Amsterdam: Netherlands/Holland | Europe
    Seoul: South Korea/Korea | Asia
    Boston: United States/USA/America | North America
    Seattle: United States/USA/America | North America
    Montreal: Canada | North America
    Vancouver: Canada | North America
    Milan: Italy | Europe
    Munich: Germany | Europe
    Marseille: France | Europe
    Kyoto: Japan | Asia
    Havana: Cuba | North America/Caribbean
    Prague: Czech Republic/Czechia | Europe
    Johannesburg: South Africa | Africa
    Accra: Ghana | Africa
    São Paulo: Brazil | South America
    Glasgow: Scotland/United Kingdom/UK/Britain | Europe`,
});
