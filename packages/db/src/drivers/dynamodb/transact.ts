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
import { Placeholders } from "./expressions.js";
import type { ConditionInput } from "./guard.js";
import { itemOf } from "./layout.js";
import type { RowWrite } from "./row-write.js";

/** Most items of one transaction, set by the service. */
export const maxTransactionItems = 100;

// Rounds in which claims are found to be of rows that do not hold them; more can come of others' writes only.
const maxRounds = 10;

/** `changed`: nothing was done, as the row of the write at `index` is not as `before` says, or its guard does not hold. */
export type WriteResult = { readonly kind: "done" } | { readonly kind: "changed"; readonly index: number; readonly item: Item | undefined };

/**
 * Makes all writes or none.
 *
 * @throws DbError `already-exists` when a unique value belongs to another row; `unsupported` for more than the service takes at once
 */
export async function writeRows(engine: Engine, writes: readonly RowWrite[], signal: AbortSignal | undefined): Promise<WriteResult> {
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
      return { kind: "done" };
    } catch (error) {
      const failed = failedConditions(error);
      const [first] = failed;
      if (first === undefined) throw error;
      if (first.index < writes.length) return { kind: "changed", index: first.index, item: first.item };
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
  if (before === undefined) return { Put: { TableName, Item: itemOf(layout, after), ...condition } };
  const change = assignments(itemOf(layout, before), itemOf(layout, after));
  if (change === undefined) return { ConditionCheck: { TableName, Key: key, ...condition } };
  return { Update: { TableName, Key: key, ...mergeInputs(change, condition) } };
}

function conditionOf({ layout, before, guard }: RowWrite): ConditionInput {
  const { table } = layout;
  const own = new Placeholders("b");
  const hash = own.name(table.key[0].name);
  const parts =
    before === undefined ? [`attribute_not_exists(${hash})`] : [`attribute_exists(${hash})`, ...sameAs(table.columns, before, own)];
  const asBefore = { ConditionExpression: parts.join(" AND "), ExpressionAttributeNames: own.names()!, ...valuesPart(own) };
  if (guard === undefined) return asBefore;
  return {
    ...mergeInputs(asBefore, guard),
    ConditionExpression: `(${asBefore.ConditionExpression}) AND (${guard.ConditionExpression})`,
  };
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

type WithExpressions = { readonly ExpressionAttributeNames?: Record<string, string>; readonly ExpressionAttributeValues?: Item };

/** Joins two parts of a request whose placeholders have different tags. */
export function mergeInputs<A extends WithExpressions, B extends WithExpressions>(a: A, b: B): A & B {
  const values = { ...a.ExpressionAttributeValues, ...b.ExpressionAttributeValues };
  return {
    ...a,
    ...b,
    ExpressionAttributeNames: { ...a.ExpressionAttributeNames, ...b.ExpressionAttributeNames },
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  };
}

function tooMany(count: number): DbError {
  return new DbError(
    "unsupported",
    `a transaction takes at most ${maxTransactionItems} items, unique values included; this one has ${count}`,
    {},
  );
}
