// Full-text search by a GIN index over the words of a row's searched columns. It narrows rows down; the core looks at
// each again, so a row too many is harmless and a row too few is not.

import type { Table } from "../../schema/table.js";
import { parseSearch } from "../../reference/search-query.js";
import { nameBeside } from "../../engines/sql/define.js";
import { quoteDouble as quote } from "../../engines/sql/dialect.js";
import { shortName } from "./names.js";

/**
 * Gives the words of texts. Text and query go through it alike, and it cuts wherever the core does and perhaps more
 * often, so a row that has a word of the query has all the pieces of it.
 *
 * - ICU folds case as JavaScript does, but for the sigma at a word's end, which depends on what stands around it. Servers
 *   without ICU know ASCII letters alone; the two letters whose lower case begins with one are folded by hand.
 * - Long words are cut: an index entry has a limit, and a write must not fail for a word.
 */
const wordsFunction = `CREATE FUNCTION bk_words(VARIADIC texts text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $words$
  SELECT coalesce(array_agg(DISTINCT left(word, 100) COLLATE "C"), '{}')
  FROM unnest(string_to_array(regexp_replace(
    replace(lower(replace(replace(array_to_string(texts, ' '), chr(8490), 'k'), chr(304), 'i' || chr(775)) COLLATE %I), chr(962), chr(963)),
    '[^[:alnum:]]+', ' ', 'g'), ' ')) AS word
  WHERE word <> ''
$words$`;

/** Makes the function with the best collation that the server has. */
const defineWords = `DO $define$
BEGIN
  IF to_regprocedure('bk_words(text[])') IS NULL THEN
    EXECUTE format($function$${wordsFunction}$function$,
      coalesce((SELECT collname FROM pg_collation WHERE collname = 'und-x-icu'), 'C'));
  END IF;
END
$define$`;

export function createSearch(table: Table): readonly string[] {
  const columns = table.search.map((column) => column.name);
  const name = shortName(nameBeside(table, ...columns, "search"));
  const former = shortName(`${table.name}_${columns.join("_")}_search`);
  // An index with the name of before serves as well.
  const there = `SELECT FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = to_regclass('${quote(table.name)}') AND i.relname = '${former}'`;
  const create = `CREATE INDEX IF NOT EXISTS ${quote(name)} ON ${quote(table.name)} USING gin (${wordsOfRow(table)})`;
  return [defineWords, `DO $_$\nBEGIN\n  IF NOT EXISTS (${there}) THEN\n    ${create};\n  END IF;\nEND\n$_$`];
}

export function matchSearch(table: Table, query: () => string): string {
  return `${wordsOfRow(table)} @> bk_words(${query()}::text)`;
}

/** The words that a row must have; undefined when the query asks for none. */
export function searchText(query: string): string | undefined {
  const { all } = parseSearch(query);
  return all.length === 0 ? undefined : all.flat().join(" ");
}

function wordsOfRow(table: Table): string {
  return `bk_words(${table.search.map((column) => quote(column.name)).join(", ")})`;
}
