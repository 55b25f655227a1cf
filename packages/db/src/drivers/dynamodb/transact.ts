// Writes of rows that take effect all together: batch transactions, and single rows of tables with unique groups, whose
// values are claimed in the same step.

import type { TransactWriteItem } from "@aws-sdk/client-dynamodb";

import type { Values } from "../../driver.js";
import { deepEqual } from "../../schema/deep-equal.js";
import { DbError } from "../../errors.js";
import type { Column } from "../../schema/table.js";
import { type Item, toAttribute } from "./attributes.js";
import { claimActions, staleOwner } from "./unique-claims.js";
import type { Engine } from "./engine.js";
import { cancellationReasons } from "./errors.js";
import { allOf, type Condition } from "../../reference/condition.js";
import { costOf, maxExpressionBytes, mergeInputs, mostOfExpression, Placeholders } from "./expressions.js";
import type { ConditionInput } from "./expressions.js";
import { itemOf, type Layout } from "./layout.js";
import type { RowWrite } from "./row-write.js";
import { isVersion, versioned } from "./versions.js";

/** Most items of one transaction, set by the service. */
export const maxTransactionItems = 100;

// Rounds in which claims are found to be of rows that do not hold them; more can come of others' writes only.
const maxRounds = 10;

/**
 * Makes all writes or none; false when a row is not as its write says it was.
 *
 * @throws DbError `already-exists` when a unique value belongs to another row; `too-large` for more than the service takes at once
 */
export async function writeRows(engine: Engine, writes: readonly RowWrite[], signal: AbortSignal | undefined): Promise<boolean> {
  const notOurs = new Set<string>();
  const stale = new Map<string, { readonly owner: string; readonly check: RowWrite }>();
  for (let round = 1; ; round++) {
    const owners = new Map([...stale].map(([id, { owner }]) => [id, owner]));
    const claims = claimActions(writes, { notOurs, stale: owners }, engine.clock.now());
    const rows = [...writes, ...[...stale.values()].map(({ check }) => check)];
    const items = [...rows.map(rowAction), ...claims.map((claim) => claim.action)];
    if (items.length > maxTransactionItems) throw tooMany(items.length);
    try {
      await engine.request((client, options) => client.transactWriteItems({ TransactItems: items }, options), signal);
      return true;
    } catch (error) {
      const failed = failedConditions(error);
      const [first] = failed;
      if (first === undefined) throw error;
      if (first.index < writes.length) return false;
      // What was found out about the owners of claims may have changed meanwhile: it is found out anew.
      stale.clear();
      for (const { index, item } of failed) {
        const claim = claims[index - rows.length];
        if (claim === undefined) continue;
        const found = claim.takes && round <= maxRounds ? await staleOwner(engine, claim, item, signal) : undefined;
        if (found !== undefined && !writes.some((write) => isSameKey(write, found.check))) stale.set(claim.id, found);
        else if (claim.takes) throw claim.conflict();
        // A claim that has passed to another row after this row's time had come is not this row's to give up.
        else notOurs.add(claim.id);
      }
    }
  }
}

function isSameKey(a: RowWrite, b: RowWrite): boolean {
  return a.layout.tableName === b.layout.tableName && deepEqual(a.key, b.key);
}

function failedConditions(error: unknown): { readonly index: number; readonly item: Item | undefined }[] {
  const reasons = (cancellationReasons(error) ?? []) as readonly { readonly Code?: string; readonly Item?: Item }[];
  return reasons.flatMap(({ Code, Item }, index) => (Code === "ConditionalCheckFailed" ? [{ index, item: Item }] : []));
}

function rowAction(write: RowWrite): TransactWriteItem {
  const { layout, key, before, after } = write;
  const condition = { ...conditionOf(write), ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const };
  const { tableName: TableName } = layout;
  if (after === undefined) {
    return before === undefined
      ? { ConditionCheck: { TableName, Key: key, ...condition } }
      : { Delete: { TableName, Key: key, ...condition } };
  }
  if (before === undefined) return { Put: { TableName, Item: versioned(itemOf(layout, after)), ...condition } };
  const change = rowChange(layout, before, after, write.item);
  if (change === undefined) return { ConditionCheck: { TableName, Key: key, ...condition } };
  if ("Item" in change) return { Put: { TableName, ...change, ...condition } };
  return { Update: { TableName, Key: key, ...mergeInputs(change, condition) } };
}

/**
 * An update that makes one row of another, with a version of its own, or the whole item where that would be longer than an
 * expression may be; undefined when the rows are equal.
 *
 * @param item  the row as it was read
 */
export function rowChange(
  layout: Layout,
  before: Values,
  after: Values,
  item: Item | undefined,
): ChangeInput | { readonly Item: Item } | undefined {
  const [old, next] = [itemOf(layout, before), itemOf(layout, after)];
  if (deepEqual(old, next)) return undefined;
  const change = assignments(old, versioned(next))!;
  if (item === undefined || change.UpdateExpression.length <= maxExpressionBytes) return change;
  const others = Object.entries(item).filter(([name]) => !Object.hasOwn(old, name));
  return { Item: { ...Object.fromEntries(others), ...versioned(next) } };
}

function conditionOf({ layout: { table }, before, version }: RowWrite): ConditionInput {
  const hash = table.key[0].name;
  if (version !== undefined) return isVersion(version, hash);
  if (before === undefined) return isVersion(null, hash);
  const own = new Placeholders("b");
  const parts = [`attribute_exists(${own.name(hash)})`, ...sameAs(table.columns, before, own)];
  return { ConditionExpression: parts.join(" AND "), ExpressionAttributeNames: own.names()!, ...valuesPart(own) };
}

/** Whether one expression takes the comparison of all columns. */
export function canCompareColumns({ table }: Layout): boolean {
  const same = table.columns.filter(({ isKey }) => !isKey);
  const condition = allOf(same.map((column): Condition => ({ kind: "test", column, op: "same", slots: [0] })));
  return mostOfExpression.fits(costOf(condition, table.key[0]));
}

/** Conditions under which columns have the given values, absence included. Key columns are as the key says anyway. */
export function sameAs(columns: readonly Column[], values: Values, own: Placeholders): string[] {
  return columns.flatMap((column, i) => {
    if (column.isKey) return [];
    const attribute = toAttribute(column, values[i]);
    const name = own.name(column.name);
    return [attribute === undefined ? `attribute_not_exists(${name})` : `${name} = ${own.constant(attribute)}`];
  });
}

function valuesPart(own: Placeholders): { ExpressionAttributeValues?: Item } {
  const values = own.values([]);
  return Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values };
}

export interface ChangeInput {
  readonly UpdateExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
}

/** An update that makes one item of another; undefined when they are equal. Attributes in neither stay as they are. */
export function assignments(before: Item, after: Item): ChangeInput | undefined {
  const own = new Placeholders("a");
  const sets: string[] = [];
  const removes: string[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const attribute = after[name];
    if (deepEqual(before[name], attribute)) continue;
    if (attribute === undefined) removes.push(own.name(name));
    else sets.push(`${own.name(name)} = ${own.constant(attribute)}`);
  }
  if (sets.length + removes.length === 0) return undefined;
  return { UpdateExpression: updateText(sets, removes), ExpressionAttributeNames: own.names()!, ...valuesPart(own) };
}

export function updateText(sets: readonly string[], removes: readonly string[]): string {
  return [...(sets.length === 0 ? [] : [`SET ${sets.join(", ")}`]), ...(removes.length === 0 ? [] : [`REMOVE ${removes.join(", ")}`])].join(
    " ",
  );
}

function tooMany(count: number): DbError {
  return new DbError(
    "too-large",
    `a transaction takes at most ${maxTransactionItems} items, unique values included; this one has ${count}`,
    {},
  );
}
