// Unique groups. Each value is an item of one table for all: its id says table, group and values, and it names the row
// that owns it. A row and its claims are written in one transaction, so of two rows that want a value one is refused.

import type { TransactWriteItem } from "@aws-sdk/client-dynamodb";

import type { Value, Values } from "../../driver.js";
import { deepEqual } from "../../schema/deep-equal.js";
import { DbError } from "../../errors.js";
import type { Index, Table } from "../../schema/table.js";
import type { Item } from "./attributes.js";
import { systemKey } from "./definitions.js";
import type { Engine } from "./engine.js";
import { keyOfText, keyText, type Layout, ttlAttribute, type ValueOf } from "./layout.js";
import { readRow } from "./read-row.js";
import type { RowWrite } from "./row-write.js";

interface Wish {
  readonly id: string;
  readonly layout: Layout;
  readonly index: Index;
  /** The row that shall own the claim, and the time of its end in milliseconds. */
  take?: { readonly owner: string; readonly ttl: Value };
  /** The row that owned it and needs it no more. */
  release?: string;
}

export interface ClaimAction {
  readonly id: string;
  readonly layout: Layout;
  readonly index: Index;
  readonly action: TransactWriteItem;
  /** It makes a claim; else it gives one up. */
  readonly takes: boolean;
  conflict(): DbError;
}

/** What is known of claims by their ids. */
export interface KnownClaims {
  /** They are not to be given up: other rows have them. */
  readonly notOurs: ReadonlySet<string>;
  /** The owners named by claims that these rows do not hold. */
  readonly stale: ReadonlyMap<string, string>;
}

/** What has to be done to the claims of some rows, one action for each claim: a value may pass from one row to another. */
export function claimActions(writes: readonly RowWrite[], { notOurs, stale }: KnownClaims, now: number): ClaimAction[] {
  const wishes = new Map<string, Wish>();
  for (const write of writes) for (const wish of wishesOf(write, now)) merge(wishes, wish);
  return [...wishes.values()].flatMap((wish) => {
    const { id, layout, index, take } = wish;
    if (take === undefined && notOurs.has(id)) return [];
    const release = stale.get(id) ?? wish.release;
    const action = actionFor({ ...wish, ...(release === undefined ? {} : { release }) }, now);
    return [{ id, layout, index, action, takes: take !== undefined, conflict: () => conflict(wish) }];
  });
}

/**
 * The row that a claim names, when it does not hold the value: another program has deleted or changed it, or it has gone with its
 * table. The write that is given back changes nothing and checks that this is so still. Undefined when the claim is true.
 *
 * @param item  the claim as it is stored
 */
export async function staleOwner(
  engine: Engine,
  { id, layout, index }: ClaimAction,
  item: Item | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly owner: string; readonly check: RowWrite } | undefined> {
  const owner = item?.["owner"]?.S;
  if (owner === undefined) return undefined;
  const key = keyOfText(owner, layout);
  const found = await readRow(engine, layout, key, signal);
  const row = found?.row;
  const holds = row !== undefined && layout.claims.find((claim) => claim.index === index)?.idOf(valueOf(row)) === id;
  return holds ? undefined : { owner, check: { layout, key, before: row, version: found?.version ?? null, after: row } };
}

function wishesOf({ layout, key, before, after }: RowWrite, now: number): Wish[] {
  const owner = keyText(key, layout);
  const endBefore = endOf(layout.table, before);
  const endAfter = endOf(layout.table, after);
  // The claims of an expired row may have passed to others, so they are made anew.
  const isKept = deepEqual(endBefore, endAfter) && (endBefore === null || Number(endBefore) > now);
  return layout.claims.flatMap(({ index, idOf }) => {
    const old = before === undefined ? undefined : idOf(valueOf(before));
    const id = after === undefined ? undefined : idOf(valueOf(after));
    const wishes: Wish[] = [];
    if (id !== undefined && !(id === old && isKept)) wishes.push({ id, layout, index, take: { owner, ttl: endAfter } });
    if (old !== undefined && old !== id) wishes.push({ id: old, layout, index, release: owner });
    return wishes;
  });
}

function valueOf(row: Values): ValueOf {
  return (column) => row[column.index] ?? null;
}

function endOf({ ttl }: Table, row: Values | undefined): Value {
  return ttl === undefined || row === undefined ? null : (row[ttl.index] ?? null);
}

function merge(wishes: Map<string, Wish>, wish: Wish): void {
  const other = wishes.get(wish.id);
  if (other?.take !== undefined && wish.take !== undefined) throw conflict(wish);
  wishes.set(wish.id, { ...other, ...wish });
}

function actionFor({ id, layout, take, release }: Wish, now: number): TransactWriteItem {
  const names = { "#id": systemKey, "#owner": "owner" };
  const key: Item = { [systemKey]: { S: id } };
  const TableName = layout.systemName;
  if (take === undefined) {
    return {
      Delete: {
        TableName,
        Key: key,
        ConditionExpression: "attribute_not_exists(#id) OR #owner = :owner",
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: { ":owner": { S: release! } },
      },
    };
  }
  const end: Item =
    take.ttl === null ? {} : { ttl: { N: String(take.ttl) }, [ttlAttribute]: { N: String(Math.ceil(Number(take.ttl) / 1000)) } };
  return {
    Put: {
      TableName,
      Item: { ...key, owner: { S: take.owner }, ...end },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      ConditionExpression: `attribute_not_exists(#id) OR #owner = :owner OR #ttl <= :now${release === undefined ? "" : " OR #owner = :old"}`,
      ExpressionAttributeNames: { ...names, "#ttl": "ttl" },
      ExpressionAttributeValues: {
        ":owner": { S: take.owner },
        ":now": { N: String(now) },
        ...(release === undefined ? {} : { ":old": { S: release } }),
      },
    },
  };
}

function conflict({ layout, index }: Wish): DbError {
  return new DbError("already-exists", `another row has this value of ${index.columns.map(({ name }) => name).join(", ")}`, {
    table: layout.table.name,
    detail: { unique: index.name },
  });
}
