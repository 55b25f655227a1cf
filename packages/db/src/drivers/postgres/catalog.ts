// What the catalog has for a table, and whether it can hold what is declared.

import type { StoredTable, Value } from "../../driver.js";
import type { Column, Kind, Table } from "../../schema/table.js";

type Rows = readonly (readonly Value[])[];

/** The questions about a table in the current schema, and how to read the answers. */
export function inspectTable(table: Table): {
  readonly statements: readonly string[];
  readonly read: (results: readonly Rows[]) => StoredTable | undefined;
} {
  const name = `'${table.name.replaceAll("'", "''")}'`;
  const from = `FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = current_schema()`;
  const where = `WHERE t.relname = ${name} AND t.relkind IN ('r', 'p', 'v', 'm', 'f')`;
  return {
    statements: [
      `SELECT a.attname, format_type(a.atttypid, a.atttypmod), c.collname, c.collisdeterministic ${from} JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_collation AS c ON c.oid = a.attcollation ${where} ORDER BY a.attnum`,
      `SELECT i.relname, x.indisunique, x.indisprimary, a.attname, a.attnotnull, x.indoption[k.place - 1] ${from} JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisvalid AND x.indpred IS NULL JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'btree' CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS k (place) LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = x.indkey[k.place - 1] ${where} ORDER BY i.relname, k.place`,
    ],
    read: readCatalog,
  };
}

function readCatalog([columnRows = [], indexRows = []]: readonly Rows[]): StoredTable | undefined {
  if (columnRows.length === 0) return undefined;
  const columns = new Map<string, string>();
  for (const [name, type, collation, deterministic] of columnRows as readonly [string, string, string | null, string | null][])
    columns.set(name, collation === null || byteOrders.has(collation) ? type : `${type} ${collate(collation, deterministic === "t")}`);

  const key: string[] = [];
  const indexes = new Map<string, { columns: string[]; unique: boolean }>();
  for (const [name, unique, primary, column, notNull, option] of indexRows as readonly (readonly [
    string,
    string,
    string,
    string | null,
    string,
    string,
  ])[]) {
    if (primary === "t") key.push(column ?? "");
    else {
      const index = indexes.get(name) ?? { columns: [], unique: unique === "t" };
      index.columns.push(nameInIndex(column, index.unique, notNull === "t", Number(option)));
      indexes.set(name, index);
    }
  }
  return { columns, key: key.length === 0 ? undefined : key, indexes };
}

/**
 * A column of an index as `sync` compares it: a name that no column has for an expression, and where the order of
 * nulls, or the direction, is another than the core's, so that its pages are not read from it.
 */
function nameInIndex(column: string | null, unique: boolean, notNull: boolean, option: number): string {
  const descending = (option & 1) !== 0;
  const nullsFirst = (option & 2) !== 0;
  if (column === null) return "";
  return unique || (!descending && (nullsFirst || notNull)) ? column : `${column} in another order`;
}

/** Collations that sort by code point. */
const byteOrders: ReadonlySet<string> = new Set(["C", "POSIX", "ucs_basic", "C.UTF-8", "C.utf8", "pg_c_utf8"]);

/** A collation that takes some texts that differ for equal is told from one that only sorts in its own way. */
function collate(collation: string, deterministic: boolean): string {
  return `COLLATE "${collation}"${deterministic ? "" : nondeterministic}`;
}

const nondeterministic = " (not deterministic)";

const serving: Readonly<Record<Kind, readonly string[]>> = {
  text: ["text", "character varying"],
  int: ["bigint", "integer", "smallint", "numeric"],
  int64: ["bigint", "integer", "smallint", "numeric"],
  real: ["double precision"],
  decimal: ["numeric"],
  bool: ["boolean"],
  time: ["bigint", "numeric"],
  json: ["jsonb"],
  list: ["jsonb"],
  blob: ["bytea"],
};

/**
 * Whether a column of the stored type, as `format_type` writes it, serves `column`; else what to do.
 *
 * A number outside of the stored type's range is refused by the server, so narrower types serve. Those that change values
 * without a word do not: they round, cut, pad or fold.
 */
export function servesColumn(stored: string, column: Column): boolean | string {
  const [, type = stored, collation] = /^(.*?)(?: COLLATE (.*))?$/.exec(stored)!;
  if (serving[column.kind].includes(type)) {
    if (collation?.endsWith(nondeterministic) !== true) return true;
    return `its collation takes texts that differ for equal; change it to text COLLATE "C"`;
  }
  const [, base = type, sizes = ""] = /^([a-z ]+)\(([\d,-]+)\)$/.exec(type) ?? [];
  const [size = 0, scale = 0] = sizes.split(",").map(Number);
  if (base === "numeric" && scale >= 0) {
    if (column.kind === "int" || column.kind === "int64") return true;
    if (column.kind === "decimal")
      return (column.definition.decimals ?? Infinity) <= scale || `it rounds to ${scale} places; declare decimals: ${scale}`;
  }
  if (base === "character varying" && column.kind === "text")
    return (column.maxLength ?? Infinity) <= size || `declare maxLength: ${size}, or change its type to text`;
  return changeTo(base, column);
}

/** The statement with which an app changes the column, where there is one that keeps its values. */
function changeTo(base: string, { kind, name }: Column): boolean | string {
  const quoted = `"${name}"`;
  const alter = (type: string, using = ""): string => `change it with ALTER COLUMN ${quoted} TYPE ${type}${using && ` USING ${using}`}`;
  if (kind === "text") return alter(`text COLLATE "C"`);
  if (kind === "time" && /^(date|timestamp)/.test(base)) return alter("bigint", `(extract(epoch FROM ${quoted}) * 1000)::bigint`);
  if (kind === "real" && base === "real") return alter("double precision");
  if ((kind === "json" || kind === "list") && base === "json") return alter("jsonb");
  return false;
}
