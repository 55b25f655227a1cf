// What a table must not say to the data API: definitions that contradict themselves would show or hide what was not meant.

import { BkError } from "@bk/core";
import type { ColumnDefinition } from "@bk/db";

type Columns = Readonly<Record<string, ColumnDefinition>>;

/** What an owner column must not have: ids are compared as they are. */
const notOfOwners = ["secure", "hidden", "writeonly", "join", "lower", "upper", "trim", "cap", "lat"] as const;
const textTypes: ReadonlySet<unknown> = new Set([undefined, "text", "string", "str", "keyword", "email", "phone", "uuid", "tuuid"]);

/**
 * Refuses what cannot be meant: a column for everybody that is for nobody, a secret that another column gives away, a secret
 * key, an owner column that does not hold the id of an account as it is.
 *
 * @throws BkError `invalid`, naming table and column
 */
export function refuseContradictions(table: string, columns: Columns, owner: string | undefined): void {
  for (const [name, column] of Object.entries(columns)) {
    const problem = problemOf(columns, column) ?? (owner === undefined ? undefined : problemOfKept(column));
    if (problem !== undefined) throw contradiction(table, name, problem);
  }
  // That it exists the database checks.
  const column = owner === undefined || !Object.hasOwn(columns, owner) ? undefined : columns[owner];
  if (column === undefined) return;
  const wrong = notOfOwners.find((property) => column[property] !== undefined && column[property] !== false);
  if (wrong !== undefined) throw contradiction(table, owner!, `holds the owner's id as it is, and cannot be ${wrong}`);
  if (!textTypes.has(column.type)) throw contradiction(table, owner!, "holds the owner's id, and must be of a text type");
}

function problemOf(columns: Columns, column: ColumnDefinition): string | undefined {
  if (column.pub && column.secure) return "cannot be both pub, seen by everybody, and secure, seen by nobody";
  if (column.pub && column.admin) return "cannot be both pub, seen by everybody, and admin, seen by admins";
  if (column.secure && column.primary !== undefined) return "is part of the key, which every request names, and cannot be secure";
  for (const part of column.join ?? []) {
    const given = Object.hasOwn(columns, part) ? columns[part]! : {};
    if (given.secure && !column.secure) return `is joined from ${part}, which is secure, and must be secure too`;
    if (given.admin && !column.admin && !column.secure) return `is joined from ${part}, which is for admins, and must be admin too`;
  }
  return undefined;
}

/** Where rows have owners, what admins set is put again as it is stored, when the owner replaces the row. */
function problemOfKept({ admin, multiplier }: ColumnDefinition): string | undefined {
  return admin && multiplier !== undefined ? "is for admins in a table with owners, and cannot have a multiplier" : undefined;
}

function contradiction(table: string, column: string, problem: string): BkError {
  return new BkError("invalid", `tables: ${table}: column ${column} ${problem}`, { detail: { field: "tables", table, column } });
}
