// Columns that follow from others in changes: joined strings and geohashes.

import type { Change, ChangeOp } from "../driver.js";
import { invalid } from "../errors.js";
import { mustNotBeEmpty } from "./row.js";
import { encodeGeohash } from "../schema/geohash.js";
import { isJoinedText } from "../schema/is-joined-text.js";
import { joinText } from "../schema/join.js";
import type { Column, Join, Table } from "../schema/table.js";

/** What a call gives for a column. `isFixed`: it is part of the key, known but not changed. */
export interface GivenChange {
  readonly op: ChangeOp;
  readonly value: unknown;
  readonly isFixed: boolean;
}

type Given = ReadonlyMap<Column, GivenChange>;

/**
 * The changes of computed columns, which stand instead of given ones; undefined where a given one must not be carried out.
 *
 * @throws DbError `invalid` when a computed column is given without what it is made of, or only one coordinate of a geohash
 */
export function computeColumns(table: Table, given: Given, values: unknown[]): Map<Column, Change | undefined> {
  const computed = new Map<Column, Change | undefined>();
  for (const join of table.joins) {
    if (join.column.isKey) continue;
    const isTouched = join.parts.some((part) => given.get(part)?.isFixed === false);
    if (isTouched) computed.set(join.column, joinChange(join, given, values));
    else if (given.has(join.column)) {
      if (join.parts.some((part) => given.has(part))) computed.set(join.column, undefined);
      else if (join.parts.some((part) => part.index >= 0)) throw partsMissing(join);
    }
  }
  for (const column of table.columns) {
    if (column.type !== "geohash" || column.isKey) continue;
    const change = geohashChange(table, column, given, values);
    if (change !== undefined) computed.set(column, change);
  }
  return computed;
}

function partsMissing({ column, parts }: Join): Error {
  const names = parts.map((part) => part.name).join(", ");
  return invalid(`column ${column.name} is joined from ${names}; change these instead`, { column: column.name });
}

function joinChange(join: Join, given: Given, values: unknown[]): Change {
  const parts = join.parts.map((part) => given.get(part));
  if (parts.every((part) => part !== undefined && (part.op === "set" || part.op === "unset"))) {
    const known = parts.map((part) => part!.value);
    const own = given.get(join.column)?.value;
    const text = join.parts.includes(join.column) && isJoinedText(join, own, known) ? own : joinText(join, known);
    return setChange(join.column, text, values);
  }
  const slots = join.parts.map((part, i) => {
    const change = parts[i];
    const isInRow = part.index >= 0 && part !== join.column;
    return change === undefined || isInRow ? undefined : values.push(change.value) - 1;
  });
  return { column: join.column, op: "set", slot: undefined, from: { join, slots } };
}

function geohashChange(table: Table, column: Column, given: Given, values: unknown[]): Change | undefined {
  const { lat, lon, precision } = column.definition;
  if (lat === undefined || lon === undefined) return undefined;
  const at = [lat, lon].map((name) => given.get(table.byName.get(name)!));
  if (!at.some((change) => change?.isFixed === false)) return undefined;
  if (!at.every((change) => change !== undefined && (change.op === "set" || change.op === "unset")))
    throw invalid(`column ${column.name} is made of ${lat} and ${lon}; set both together`, { column: column.name });
  const [latitude, longitude] = at.map((change) => change!.value);
  if (typeof latitude !== "number" || typeof longitude !== "number") return setChange(column, null, values);
  if (Math.abs(latitude) > 90) throw invalid(`column ${lat} must be a latitude, from -90 to 90`, { column: lat });
  if (Math.abs(longitude) > 180) throw invalid(`column ${lon} must be a longitude, from -180 to 180`, { column: lon });
  return setChange(column, encodeGeohash(latitude, longitude, precision), values);
}

function setChange(column: Column, text: string | null, values: unknown[]): Change {
  if (text !== null) return { column, op: "set", slot: values.push(text) - 1 };
  if (column.definition.notEmpty) throw mustNotBeEmpty(column);
  return { column, op: "unset", slot: undefined };
}
