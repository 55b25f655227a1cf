// Full-text search. The server's analyzer finds words as `wordsOf` does, or as words with them: what it finds are candidates,
// which the core looks at again.

import { parseSearch } from "../../reference/search-query.js";
import type { Table } from "../../schema/table.js";
import { allOf, anyOf, everything, type Query } from "./query.js";

export const analyzer = "bk_words";

/** Words are runs of letters and digits, in lower case. A sigma is one letter, wherever it stands; of long words the beginning counts. */
export const analysis = {
  char_filter: { bk_sigma: { type: "mapping", mappings: ["\u03c2 => \u03c3"] } },
  tokenizer: { bk_words: { type: "pattern", pattern: "[^\\p{L}\\p{N}]+" } },
  filter: { bk_length: { type: "truncate", length: 1000 } },
  analyzer: { [analyzer]: { type: "custom", char_filter: ["bk_sigma"], tokenizer: "bk_words", filter: ["lowercase", "bk_length"] } },
};

/** The query of the rows in which all phrases may occur; those that must not are left to the core. */
export function searchQuery({ search }: Table, text: string): Query {
  const phrases = parseSearch(text).all;
  if (phrases.length === 0) return everything;
  return allOf(
    phrases.map((words) =>
      anyOf(
        search
          .flatMap(({ name }) => [`${name}.words`, `$long.${name}`])
          .map((field) => ({ match_phrase: { [field]: { query: words.join(" "), zero_terms_query: "all" } } })),
      ),
    ),
  );
}
