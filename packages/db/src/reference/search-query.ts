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

function hasPhrase(words: readonly string[], phrase: readonly string[]): boolean {
  for (let start = words.indexOf(phrase[0]!); start >= 0; start = words.indexOf(phrase[0]!, start + 1))
    if (phrase.every((word, i) => words[start + i] === word)) return true;
  return false;
}
