// How SQLite differs from the SQL that the compiler writes, and how tables, indexes and full-text search are made in it.

import type { StoredTable, Value } from "../../driver.js";
import type { Column, Kind, Table } from "../../schema/table.js";
import { wholeNumber } from "../../schema/whole-number.js";
import { parseSearch } from "../../reference/search-query.js";
import { columnDefinition, indexBody, indexName, nameBeside, roleOf, tableBody } from "../../engines/sql/define.js";
import { onConflict, plainEnd, quoteDouble as quote, type SqlDialect } from "../../engines/sql/dialect.js";

const types: Readonly<Record<Kind, string>> = {
  text: "TEXT",
  int: "INTEGER",
  int64: "INTEGER",
  real: "REAL",
  decimal: "TEXT",
  bool: "INTEGER",
  time: "INTEGER",
  json: "TEXT",
  list: "TEXT",
  blob: "BLOB",
};

/** The SQL function that gives the words of texts, one space between two; each connection of the driver has it. */
export const wordsFunction = "bk_words";

/** The SQL function that says whether a statement was given up, in which case it gives no JSON; the connections of threads have it. */
export const goOnFunction = "bk_go_on";

/** A column of tables with full-text search that gives their rows numbers which no VACUUM or dump changes. */
const rowNumber = "_row";

/** The definition of a full-text index behind its name. */
export const searchDefinition = "USING fts5(words, content='', contentless_delete=1, tokenize='ascii')";

export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  quote,
  placeholders: "positional",
  placeholder: () => "?",
  // A statement is planned again whenever a value is bound that its plan was made with: with statistics of an index, and
  // for LIMIT. That takes longer than most selects.
  unseen: (placeholder, column) => `CAST(${placeholder} AS ${column === undefined ? "INTEGER" : types[column.kind]})`,
  // As text, since the clients read 64 bits as a double unless told otherwise for all columns of a statement.
  read: (column, sql) => (column.kind === "int64" ? `CAST(${sql} AS TEXT)` : sql),
  tests: {
    same: (column, bind) => `${column} IS ${bind(0)}`,
    // substr and instr are exact where LIKE folds ASCII letters.
    ends_with: (column, bind) => `substr(${column}, length(${column}) - length(${bind(0)}) + 1) = ${bind(0)}`,
    not_ends_with: (column, bind) => `substr(${column}, length(${column}) - length(${bind(0)}) + 1) <> ${bind(0)}`,
    contains: (column, bind) => `instr(${column}, ${bind(0)}) > 0`,
    not_contains: (column, bind) => `instr(${column}, ${bind(0)}) = 0`,
  },
  listContains: (column, bind) => `EXISTS (SELECT 1 FROM json_each(${column}) WHERE value = ${bind(0)})`,
  concat: (left, right) => `${left} || ${right}`,
  inOrder: (_column, sql) => sql,
  nulls: "first",
  rowValues: true,
  // SUM ends with an error beyond 64 bits, so the upper and the lower 32 bits are added apart. The lower ones are a
  // difference, and not cut off by "&", so that what is no integer shows.
  sum: (_column, sql) => ({
    parts: [`CAST(sum(${sql} >> 32) AS TEXT)`, `CAST(sum(${sql} - ((${sql} >> 32) << 32)) AS TEXT)`],
    join: ([upper, lower]) => {
      const rest = wholeNumber(lower);
      return rest === undefined ? lower! : String(BigInt(upper as string) * 2n ** 32n + rest);
    },
  }),
  end: plainEnd,
  inserted: (column) => `excluded.${column}`,
  upsert: onConflict,
  // A transaction that writes holds the database's only write lock from its start.
  lock: "",

  columnType: (column) => types[column.kind],
  indexColumn: (_column, sql) => sql,
  createTable: (table) => [`CREATE TABLE IF NOT EXISTS ${quote(table.name)} (${body(table)}) STRICT`],
  addColumn: (table, column) => [
    `ALTER TABLE ${quote(table.name)} ADD COLUMN ${quote(column.name)} ${sqliteDialect.columnType(column, roleOf(table, column))}`,
  ],
  createIndex: (table, index) => [
    `CREATE ${index.unique ? "UNIQUE " : ""}INDEX IF NOT EXISTS ${quote(indexName(table, index))} ON ${quote(table.name)} (${indexBody(sqliteDialect, table, index)})`,
  ],
  createSearch,
  match: (table, query) => {
    const search = quote(searchName(table));
    return `_rowid_ IN (SELECT rowid FROM ${search} WHERE ${search} MATCH ${query()})`;
  },
  search: (query) => {
    const { all } = parseSearch(query);
    return all.length === 0 ? undefined : all.map((phrase) => `"${phrase.join(" ")}"`).join(" AND ");
  },
  inspect: (table) => ({
    statements: [
      `SELECT name, type, pk FROM pragma_table_info(${literal(table.name)}) ORDER BY cid`,
      `SELECT list.name, list."unique", list.origin, info.name FROM pragma_index_list(${literal(table.name)}) AS list, pragma_index_info(list.name) AS info WHERE list.partial = 0 ORDER BY list.seq, info.seqno`,
      `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ${literal(table.name)} COLLATE NOCASE`,
    ],
    read: readCatalog,
  }),
};

/**
 * Asks at every 1024th row number whether to go on: often enough, and hardly felt. CASE keeps it out of the planner's sight, and
 * that it is no JSON is an error of SQLite's own: not all clients end a statement for an error in a function of theirs.
 */
export const stoppableDialect: SqlDialect = {
  ...sqliteDialect,
  goOn: `CASE _rowid_ & 1023 WHEN 0 THEN json(${goOnFunction}()) ELSE 1 END`,
};

/** The full-text index of a table; its rows have the numbers of the table's, `_rowid_`, the one alias that no column can take. */
export function searchName(table: Table): string {
  return nameBeside(table, "search");
}

/** The full-text index as it was named before, when a table of the app could have its name or that of one of its parts. */
export function formerSearchName(table: Table): string {
  return `${table.name}_search`;
}

/** The triggers that keep a table's full-text index, by name. */
export function searchTriggers(table: Table): ReadonlyMap<string, string> {
  const search = quote(searchName(table));
  const on = quote(table.name);
  const names = table.search.map((column) => quote(column.name));
  const words = `${wordsFunction}(${names.map((name) => `new.${name}`).join(", ")})`;
  const trigger = (event: string, when: string, action: string): [string, string] => {
    const name = nameBeside(table, "search", event);
    return [name, `CREATE TRIGGER ${quote(name)} AFTER ${when} ON ${on} BEGIN ${action}; END`];
  };
  return new Map([
    trigger("insert", "INSERT", `INSERT INTO ${search} (rowid, words) VALUES (new._rowid_, ${words})`),
    trigger("update", `UPDATE OF ${names.join(", ")}`, `UPDATE ${search} SET words = ${words} WHERE rowid = new._rowid_`),
    trigger("delete", "DELETE", `DELETE FROM ${search} WHERE rowid = old._rowid_`),
  ]);
}

function createSearch(table: Table): readonly string[] {
  const search = quote(searchName(table));
  const triggers = searchTriggers(table);
  const words = `${wordsFunction}(${table.search.map((column) => quote(column.name)).join(", ")})`;
  return [
    // The words come ready: what a word is must be what the core says, so the tokenizer only cuts at spaces.
    `CREATE VIRTUAL TABLE IF NOT EXISTS ${search} ${searchDefinition}`,
    ...[...triggers.keys()].map((name) => `DROP TRIGGER IF EXISTS ${quote(name)}`),
    ...triggers.values(),
    `INSERT INTO ${search} (${search}) VALUES ('delete-all')`,
    `INSERT INTO ${search} (rowid, words) SELECT _rowid_, ${words} FROM ${quote(table.name)}`,
  ];
}

function body(table: Table): string {
  const [first, ...more] = table.key;
  const single = more.length === 0;
  // An integer key is the row's own number: one tree instead of two.
  if (single && types[first.kind] === "INTEGER") {
    const columns = table.columns.map((column) => columnDefinition(sqliteDialect, table, column));
    return columns.map((text, i) => (i === first.index ? `${quote(first.name)} INTEGER PRIMARY KEY NOT NULL` : text)).join(", ");
  }
  if (table.search.length === 0) return tableBody(sqliteDialect, table);
  return `${quote(rowNumber)} INTEGER PRIMARY KEY, ${tableBody(sqliteDialect, table).replace(/PRIMARY KEY (\([^()]*\))$/, "UNIQUE $1")}`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function readCatalog(results: readonly (readonly (readonly Value[])[])[]): StoredTable | undefined {
  const [columnRows = [], indexRows = [], sqlRows = []] = results;
  if (columnRows.length === 0) return undefined;
  const columns = new Map<string, string>();
  const keyed: [number, string][] = [];
  for (const [name, type, place] of columnRows as readonly [string, string, number][]) {
    if (name !== rowNumber) columns.set(name, `${type}${foldingOf(name, sqlRows[0]?.[0])}`);
    if (name !== rowNumber && place > 0) keyed.push([place, name]);
  }
  let key: readonly string[] | undefined = keyed.length === 0 ? undefined : keyed.sort(([a], [b]) => a - b).map(([, name]) => name);

  const indexes = new Map<string, { columns: string[]; unique: boolean; origin: string }>();
  for (const [name, unique, origin, column] of indexRows as readonly [string, number, string, string | null][]) {
    const index = indexes.get(name) ?? { columns: [], unique: unique === 1, origin };
    // Expressions have no name; an index on one serves no column.
    index.columns.push(column ?? "");
    indexes.set(name, index);
  }
  for (const [name, { columns: names, origin }] of indexes) {
    if (origin === "pk") indexes.delete(name);
    if (origin !== "u" || key !== undefined) continue;
    // Where rows are numbered, the key is the table's own UNIQUE constraint.
    key = names;
    indexes.delete(name);
  }
  return { columns, key, indexes: new Map([...indexes].map(([name, { columns: names, unique }]) => [name, { columns: names, unique }])) };
}

/** ` COLLATE NOCASE` of a column that takes texts that differ for equal: no pragma has it, only the text of the definition. */
function foldingOf(column: string, sql: Value | undefined): string {
  const own = new RegExp(`[(,]\\s*["'\`[]?${column}["'\`\\]]?\\s[^,]*?\\bCOLLATE\\s+["'\`[]?(NOCASE|RTRIM)\\b`, "i");
  const collation = typeof sql === "string" ? own.exec(sql)?.[1] : undefined;
  return collation === undefined ? "" : ` COLLATE ${collation.toUpperCase()}`;
}

/** Whether a column of the stored type holds every value of `column` as it is; by SQLite's rules of affinity. */
export function servesColumn(stored: string, column: Column): boolean | string {
  const type = stored.toUpperCase();
  if (/ COLLATE (NOCASE|RTRIM)$/.test(type)) return "its collation takes texts that differ for equal; make the table anew without it";
  const affinity = /INT/.test(type)
    ? "INTEGER"
    : /CHAR|CLOB|TEXT/.test(type)
      ? "TEXT"
      : type === "" || type === "ANY" || /BLOB/.test(type)
        ? "BLOB"
        : /REAL|FLOA|DOUB/.test(type)
          ? "REAL"
          : "NUMERIC";
  const wanted = types[column.kind];
  // No affinity keeps what it gets; numeric affinity keeps numbers, but turns text that looks like one into it.
  if (affinity === "BLOB") return wanted === "BLOB" || (wanted === "TEXT" && type !== "BLOB");
  return affinity === wanted || (affinity === "NUMERIC" && (wanted === "INTEGER" || wanted === "REAL"));
}
