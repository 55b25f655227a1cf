// References: columns of a table that hold the key of a row of another table, or of the same one.

import { invalid } from "../errors.js";
import type { ReferenceDefinition } from "./definition.js";
import type { Fail } from "./definition-rules.js";
import type { Column, Reference, Table } from "./table.js";

/** A table whose references are not known yet. */
export type Unlinked = Omit<Table, "references">;

interface Part {
  readonly column: Column;
  readonly target: Unlinked;
  readonly key: Column;
  readonly name: string;
}

/**
 * The tables with their references.
 *
 * @throws DbError `invalid` for unknown tables and columns, columns whose type is not that of the key, keys of which a part
 *   is missing, and names that meet
 */
export function linkTables(tables: ReadonlyMap<string, Unlinked>): ReadonlyMap<string, Table> {
  const linked = new Map<string, Table>();
  const finalOf = (target: Unlinked): Table => linked.get(target.name)!;
  for (const [name, table] of tables) linked.set(name, Object.freeze({ ...table, references: referencesOf(table, tables, finalOf) }));
  return linked;
}

function referencesOf(table: Unlinked, tables: ReadonlyMap<string, Unlinked>, finalOf: (target: Unlinked) => Table): readonly Reference[] {
  const fail: Fail = (what, column, property = "ref") => {
    const where = `table ${table.name}${column === undefined ? "" : `, column "${column}"`}`;
    throw invalid(`${where}: ${what}`, { table: table.name, ...(column === undefined ? {} : { column }), detail: { property } });
  };
  const groups = new Map<string, Part[]>();
  for (const column of table.byName.values()) {
    if (column.definition.ref === undefined) continue;
    const part = partOf(table, column, tables, fail);
    const group = groups.get(part.name);
    if (group === undefined) groups.set(part.name, [part]);
    else group.push(part);
  }
  return Object.freeze([...groups.values()].map((parts) => referenceOf(table, parts, finalOf, fail)));
}

function partOf(table: Unlinked, column: Column, tables: ReadonlyMap<string, Unlinked>, fail: Fail): Part {
  const { table: targetName, column: keyName, name } = parsed(column.definition.ref!);
  const target = tables.get(targetName);
  if (target === undefined)
    return fail(`property ref names the table ${shown(targetName)}; the declared tables are ${[...tables.keys()].join(", ")}`, column.name);
  const keyNames = target.key.map((each) => each.name);
  if (keyName === undefined && keyNames.length > 1)
    fail(
      `property ref names ${targetName}, whose key is ${keyNames.join(", ")}; say which of them this column holds, as in "${targetName}.${keyNames[0]}"`,
      column.name,
    );
  const key = target.key.find((each) => keyName === undefined || each.name === keyName);
  if (key === undefined)
    return fail(`property ref names ${shown(keyName)}, which is not in the key of ${targetName}: ${keyNames.join(", ")}`, column.name);
  if (key.kind !== column.kind)
    fail(
      `is of type ${column.type}, and ${targetName}.${key.name}, which it refers to, of type ${key.type}; give it that type`,
      column.name,
    );
  if (column.index < 0) fail("is hidden and cannot refer to a row", column.name);
  if (column.definition.join?.includes(column.name)) fail("is a part of its own join and cannot refer to a row", column.name);
  return { column, target, key, name: name ?? (keyName === undefined ? column.name : targetName) };
}

/** `"account"`, `"album.owner"`, or the parts by name. */
function parsed(ref: string | ReferenceDefinition): ReferenceDefinition {
  if (typeof ref !== "string") return ref;
  const at = ref.indexOf(".");
  return at < 0 ? { table: ref } : { table: ref.slice(0, at), column: ref.slice(at + 1) };
}

function referenceOf(table: Unlinked, parts: readonly Part[], finalOf: (target: Unlinked) => Table, fail: Fail): Reference {
  const [first] = parts;
  const { name, target } = first!;
  for (const part of parts) {
    if (part.target !== target)
      fail(`the reference ${name} names two tables, ${target.name} and ${part.target.name}; give one another name`, part.column.name);
    const twin = parts.find((other) => other !== part && other.key === part.key);
    if (twin !== undefined)
      fail(
        `refers to ${target.name}.${part.key.name} as ${twin.column.name} does; give each reference a name, as in { table: "${target.name}", column: "${part.key.name}", name: "…" }`,
        part.column.name,
      );
  }
  const missing = target.key.find((key) => !parts.some((part) => part.key === key));
  if (missing !== undefined)
    fail(`the reference ${name} has no column for ${target.name}.${missing.name}; a reference holds a whole key`, first!.column.name);
  const own = table.byName.get(name);
  if (own !== undefined && (parts.length > 1 || own !== first!.column))
    fail(
      `the reference ${name} has the name of a column; give it another one, as in { table: "${target.name}", name: "…" }`,
      first!.column.name,
    );
  const columns = Object.freeze(target.key.map((key) => parts.find((part) => part.key === key)!.column));
  return Object.freeze({
    name,
    columns,
    // Tables refer to each other, and to themselves.
    get table() {
      return finalOf(target);
    },
  });
}

function shown(name: unknown): string {
  return JSON.stringify(String(name).slice(0, 60));
}
