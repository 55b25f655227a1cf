// Names of our indexes, and what they are made of.

import type { Document } from "mongodb";

import { DbError } from "../../errors.js";
import { uniqueConflict } from "../../engines/sql/unique-conflict.js";
import type { Column, Index } from "../../schema/table.js";
import { takenIndex } from "./errors.js";
import { idField, type Layout } from "./layout.js";

/** An index as the command that makes it has it. */
export function indexSpec({ columns, unique }: Index, layout: Layout): Document {
  const paths = columns.map((column) => layout.fieldOf(column).path);
  const names = columns.map(({ name }) => name).join();
  if (!unique) {
    // With the key behind its columns it gives a total order, as pages need it.
    const key = Object.fromEntries([...paths, idField].map((path) => [path, 1]));
    return { name: `index(${names})`, key };
  }
  return {
    name: `unique(${names})`,
    key: Object.fromEntries(paths.map((path) => [path, 1])),
    unique: true,
    // Absent values never conflict.
    partialFilterExpression: Object.fromEntries(paths.map((path) => [path, { $exists: true }])),
  };
}

/** The server removes documents by it whose date is past. */
export function expiryIndex({ name }: Column): Document {
  return { name: `expiry(${name})`, key: { [name]: 1 }, expireAfterSeconds: 0 };
}

export function isExpiryIndex(index: Document, { name }: Column): boolean {
  const key = index["key"] as Document;
  return index["expireAfterSeconds"] !== undefined && Object.keys(key).join() === name;
}

/** The columns of a stored index, in order; undefined where it serves no order of values. */
export function columnsOf(index: Document, { table }: Layout): string[] | undefined {
  const entries = Object.entries(index["key"] as Document);
  if (!entries.every(([, direction]) => Math.abs(Number(direction)) === 1)) return undefined;
  const key = table.key.map(({ name }) => name);
  return entries.flatMap(([path]) => (path === idField ? key : [path.startsWith(`${idField}.`) ? path.slice(idField.length + 1) : path]));
}

/** Whether values are unique by a stored index, and absent ones never conflict. */
export function isUniqueGroup(index: Document): boolean {
  if (index["unique"] !== true) return false;
  const paths = Object.keys(index["key"] as Document);
  const partial = index["partialFilterExpression"] as Document | undefined;
  if (partial === undefined) return index["sparse"] === true && paths.length === 1;
  return (
    paths.every((path) => (partial[path] as Document | undefined)?.["$exists"] === true) && Object.keys(partial).length === paths.length
  );
}

/** The error of a write, with the unique group whose value another row has. */
export function writeError(error: unknown, layout: Layout): unknown {
  const taken = takenIndex(error);
  if (taken === undefined || error instanceof DbError) return error;
  const { table } = layout;
  const ours = /^unique\((.*)\)$/.exec(taken.name)?.[1]?.split(",");
  const columns =
    ours ??
    (taken.name === "_id_"
      ? table.key.map(({ name }) => name)
      : taken.fields === undefined
        ? undefined
        : columnsOf({ key: Object.fromEntries(taken.fields.map((path) => [path, 1])) }, layout));
  return uniqueConflict(table, { columns, name: taken.name }, error);
}
