/**
 * Sentences that have nothing to do with what is inspected: their states are the controls. Everyday matters, different
 * from one another; no names, no countries, no questions; the last word, whose state is taken, is a content word.
 */
export const UNRELATED_SENTENCES: readonly string[] = [
  "Heavy rain is expected later this afternoon",
  "The carpenter sharpened every chisel by hand",
  "We painted the old wardrobe bright yellow",
  "Add the chopped onions and some butter",
  "The goalkeeper jumped but missed the ball",
  "Restarting the printer fixed the wireless connection",
  "A spider spun its web behind the curtain",
  "The choir rehearsed until everybody could sing",
];
