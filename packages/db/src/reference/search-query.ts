// The grammar of full-text queries, the same for every driver: words that all must be there, `-word` that must not,
// `"words in a row"`. A word is a run of letters and digits; case does not count.

const partPattern = /(-?)(?:"([^"]*)"?|([^\s"]+))/gu;

/** What a text asks for. Each member is a phrase: one word, or several that follow each other. */
export interface SearchQuery {
  /** Phrases that must occur. */
  readonly all: readonly (readonly string[])[];
  /** Phrases that must not. */
  readonly none: readonly (readonly string[])[];
}

/**
 * The words of a text in order, in lower case. Each is folded on its own: what stands beside a word, in the text or in a
 * query, has no say in how it is folded. Stands alone, so that a thread can be made of its text.
 */
export function wordsOf(text: string): string[] {
  return (text.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => word.toLowerCase());
}

/**
 * Reads a query. `rome -milan "grand hotel"` asks for rome and, in a row, grand hotel, without milan. A word with
 * other characters inside, such as `mail@example`, is a phrase of its parts. Every text is a query; one without words
 * holds for every row.
 */
export function parseSearch(text: string): SearchQuery {
  const all: string[][] = [];
  const none: string[][] = [];
  for (const [, sign, quoted, plain] of text.matchAll(partPattern)) {
    const words = wordsOf(quoted ?? plain ?? "");
    if (words.length > 0) (sign === "-" ? none : all).push(words);
  }
  return { all, none };
}

/**
 * Whether a row has what a query asks for.
 *
 * @param texts  the row's searched columns; a phrase must lie within one of them, null ones have no words
 */
export function searchMatcher(query: SearchQuery, texts: readonly (string | null)[]): boolean {
  const documents = texts.map((text) => (text === null ? [] : wordsOf(text)));
  const occurs = (phrase: readonly string[]): boolean => documents.some((words) => hasPhrase(words, phrase));
  return query.all.every(occurs) && !query.none.some(occurs);
}

/** Where something stands in a text: from its first character to behind its last, in UTF-16 code units, as `slice` takes them. */
export type Range = readonly [start: number, end: number];

/** Where the phrases that a query asks for stand in a text, in order; those that overlap are one. */
export function placesIn(query: SearchQuery, text: string): Range[] {
  const words = [...text.matchAll(/[\p{L}\p{N}]+/gu)].map(({ 0: word, index }) => ({
    word: word.toLowerCase(),
    index,
    end: index + word.length,
  }));
  const isFound = Array.from({ length: words.length }, () => false);
  const joinsNext = isFound.slice();
  for (const phrase of query.all)
    for (let at = 0; at + phrase.length <= words.length; at++) {
      if (!phrase.every((word, i) => words[at + i]!.word === word)) continue;
      phrase.forEach((_word, i) => (isFound[at + i] = true));
      for (let i = 1; i < phrase.length; i++) joinsNext[at + i - 1] = true;
    }
  const places: [number, number][] = [];
  words.forEach(({ index, end }, i) => {
    if (!isFound[i]) return;
    if (i > 0 && joinsNext[i - 1]) places.at(-1)![1] = end;
    else places.push([index, end]);
  });
  return places;
}

function hasPhrase(words: readonly string[], phrase: readonly string[]): boolean {
  for (let start = words.indexOf(phrase[0]!); start >= 0; start = words.indexOf(phrase[0]!, start + 1))
    if (phrase.every((word, i) => words[start + i] === word)) return true;
  return false;
}
