// The option `include` of reads: rows of other tables that are read along.

import { invalid } from "../errors.js";
import { isPlainObject } from "../schema/plain-object.js";
import type { Reference, Table } from "../schema/table.js";

/** What is read along under one name. */
export interface Inclusion {
  readonly name: string;
  /** The row that the row refers to, or the rows that refer to it. */
  readonly kind: "one" | "many";
  /** The table that is read. */
  readonly table: Table;
  /** Of the row's own table, or of the table that is read. */
  readonly reference: Reference;
  readonly options: IncludeOptions;
  readonly nested: readonly Inclusion[];
}

/** What a caller says of the rows; the stages check it as they check the options of calls. */
export interface IncludeOptions {
  readonly select?: readonly string[];
  readonly filter?: unknown;
  readonly sort?: string | readonly string[];
  readonly count?: number;
  readonly scan?: boolean;
}

/** How deep inclusions may stand in inclusions. */
const deepest = 3;

const ofOne: ReadonlySet<string> = new Set(["by", "select", "include"]);
const ofMany: ReadonlySet<string> = new Set(["from", "by", "select", "filter", "sort", "count", "scan", "include"]);
const nameForm = /^[A-Za-z][A-Za-z0-9_]{0,47}$/;

/**
 * The inclusions that a caller asks for.
 *
 * @param tableNamed  gives a table by its name, or throws
 * @throws DbError `invalid` for what is no inclusion, references that there are not, names that meet a column's, and depth
 */
export function parseInclude(table: Table, include: unknown, tableNamed: (name: string) => Table, depth = 1): readonly Inclusion[] {
  if (!isPlainObject(include)) throw invalid("include must be an object with what is to be included, by name");
  if (depth > deepest) throw invalid(`include is nested more than ${deepest} deep; read the rest by a call of its own`);
  return Object.entries(include).flatMap(([name, given]) => (given === undefined ? [] : [parseOne(table, name, given, tableNamed, depth)]));
}

function parseOne(table: Table, name: string, given: unknown, tableNamed: (name: string) => Table, depth: number): Inclusion {
  if (!nameForm.test(name)) throw invalid(`include: ${shown(name)} is no name; a name is a letter, then letters, digits and underscores`);
  const options = given === true ? {} : given;
  if (!isPlainObject(options)) throw invalid(`include.${name} must be true or an object of options`);
  const isMany = options["from"] !== undefined;
  const known = isMany ? ofMany : ofOne;
  for (const option of Object.keys(options))
    if (!known.has(option))
      throw invalid(
        `include.${name}: unknown option ${shown(option)}; ${isMany ? "rows that refer to this one take" : "a row that is referred to takes"} ${[...known].join(", ")}`,
      );
  const { scan } = options;
  if (scan !== undefined && typeof scan !== "boolean") throw invalid(`include.${name}: the option scan must be true or false`);
  const reference = isMany ? referenceFrom(table, name, options, tableNamed) : referenceOf(table, options["by"] ?? name, `include.${name}`);
  const own = table.byName.get(name);
  // The row that is referred to may take the place of its key.
  const replaces = !isMany && reference.columns.length === 1 && reference.columns[0] === own;
  if (own !== undefined && !replaces)
    throw invalid(`include.${name}: ${table.name} has a column of this name; include it by another one, with the option by`, {
      column: name,
    });
  const target = isMany ? tableNamed(options["from"] as string) : reference.table;
  const nested = options["include"] === undefined ? [] : parseInclude(target, options["include"], tableNamed, depth + 1);
  return { name, kind: isMany ? "many" : "one", table: target, reference, options: options as IncludeOptions, nested };
}

/** The reference of a table by its name. */
function referenceOf({ name: tableName, references }: Table, name: unknown, where: string): Reference {
  const found = references.find((reference) => reference.name === name);
  if (found !== undefined) return found;
  const names = references.map((reference) => reference.name);
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  throw invalid(`${where}: ${tableName} has no reference ${shown(name)}; ${known} (property ref of a column)`);
}

function referenceFrom(
  table: Table,
  name: string,
  { from, by }: Readonly<Record<string, unknown>>,
  tableNamed: (name: string) => Table,
): Reference {
  if (typeof from !== "string") throw invalid(`include.${name}: the option from must be the name of a table`);
  if (by === undefined) throw invalid(`include.${name}: the option by must name the reference of ${from} to ${table.name}`);
  const reference = referenceOf(tableNamed(from), by, `include.${name}`);
  if (reference.table.name !== table.name)
    throw invalid(`include.${name}: the reference ${reference.name} of ${from} is to ${reference.table.name}, not to ${table.name}`);
  return reference;
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 50)) : `of type ${typeof value}`;
}
