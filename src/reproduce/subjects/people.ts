/** People who are known everywhere: what they did, and where they were from. */
import { subjectsOf, type Subjects } from "./subjects.ts";

/** People in English. */
export const PEOPLE: Subjects = subjectsOf(["occupation", "nationality"], {
  development: `
    Albert Einstein: physicist/scientist | German/American
    Wolfgang Amadeus Mozart: composer/musician | Austrian/German
    Pablo Picasso: painter/artist/sculptor | Spanish
    William Shakespeare: playwright/poet/writer/dramatist | English/British
    Abraham Lincoln: politician/president/lawyer/statesman | American
    Michael Jordan: basketball player/athlete/player | American
    Leonardo da Vinci: painter/artist/inventor/polymath/scientist | Italian
    Charles Darwin: naturalist/biologist/scientist | English/British
    Mahatma Gandhi: politician/lawyer/activist/leader | Indian
    Johann Sebastian Bach: composer/musician | German
    Napoleon Bonaparte: general/emperor/soldier/military leader/leader/politician | French
    Aristotle: philosopher | Greek
    Jane Austen: novelist/writer/author | English/British
    Bill Gates: businessman/entrepreneur/programmer/founder/philanthropist | American
    Elvis Presley: singer/musician/actor | American
    Nelson Mandela: politician/president/activist/leader/lawyer | South African
    Claude Monet: painter/artist | French
    Friedrich Nietzsche: philosopher | German
    Winston Churchill: politician/prime minister/statesman/leader | British/English
    Lionel Messi: footballer/soccer player/football player/player/athlete | Argentine/Argentinian
    Frédéric Chopin: composer/pianist/musician | Polish
    Mark Twain: writer/author/novelist/humorist | American
    Galileo Galilei: astronomer/physicist/scientist | Italian
    Tom Hanks: actor | American
    Leo Tolstoy: writer/novelist/author | Russian
    Franz Kafka: writer/novelist/author | Czech/German/Austrian
    Salvador Dalí: painter/artist | Spanish
    Margaret Thatcher: politician/prime minister | British/English
    Confucius: philosopher/teacher | Chinese
    Louis Pasteur: chemist/biologist/scientist/microbiologist | French
    Bob Dylan: singer/musician/songwriter | American
    Roger Federer: tennis player/athlete/player | Swiss`,
  test: `
    Isaac Newton: physicist/mathematician/scientist | English/British
    Ludwig van Beethoven: composer/musician/pianist | German
    Vincent van Gogh: painter/artist | Dutch
    Charles Dickens: novelist/writer/author | English/British
    George Washington: politician/president/general/soldier/statesman | American
    Cristiano Ronaldo: footballer/soccer player/football player/player/athlete | Portuguese
    Michelangelo: sculptor/painter/artist/architect | Italian
    Marie Curie: physicist/chemist/scientist | Polish/French
    Plato: philosopher | Greek
    Richard Wagner: composer/musician | German
    Ernest Hemingway: writer/novelist/author/journalist | American
    Immanuel Kant: philosopher | German
    Steve Jobs: businessman/entrepreneur/inventor/founder | American
    Michael Jackson: singer/musician/dancer | American
    Rembrandt: painter/artist | Dutch
    Fyodor Dostoevsky: writer/novelist/author | Russian
    Barack Obama: politician/president/lawyer | American
    Serena Williams: tennis player/athlete/player | American
    Giuseppe Verdi: composer/musician | Italian
    Victor Hugo: writer/novelist/author/poet | French
    Stephen Hawking: physicist/scientist/cosmologist | British/English
    Leonardo DiCaprio: actor | American
    Karl Marx: philosopher/economist | German
    Henri Matisse: painter/artist | French
    Vladimir Lenin: politician/revolutionary/leader | Russian
    Agatha Christie: writer/novelist/author | English/British
    Nicolaus Copernicus: astronomer/mathematician/scientist | Polish
    Antonio Vivaldi: composer/violinist/musician | Italian
    Jean-Jacques Rousseau: philosopher/writer | French/Swiss
    Thomas Edison: inventor/scientist/businessman | American
    Socrates: philosopher | Greek
    Marilyn Monroe: actress/actor/model/singer | American`,
});
