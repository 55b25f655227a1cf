import type { UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";

import type { Test } from "../../reference/condition.js";
import type { Change, Reply, UpdateShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Item } from "./attributes.js";
import { changeRow, contended, type Decision, isSameRow, maxTries, pause } from "./change-row.js";
import { changedRow } from "./changed-row.js";
import { type DynamoCommand, noRows, pick } from "./command.js";
import { type Attempt, type DirectUpdate, directUpdate } from "./direct-update.js";
import type { Engine } from "./engine.js";
import { Placeholders } from "./expressions.js";
import { type Guard, guardOf, isConditionFailure } from "./guard.js";
import { type Derived, itemOf, keyOf, type Layout } from "./layout.js";
import { readRow } from "./read-row.js";
import { assignments, mergeInputs, sameAs } from "./transact.js";

interface Update {
  readonly shape: UpdateShape;
  readonly layout: Layout;
  readonly guard: Guard | undefined;
  readonly touchesClaims: boolean;
  /** Undefined when the row must be read first, to compute what is derived from it. */
  readonly direct: DirectUpdate | undefined;
}

/**
 * An update is one UpdateItem where all it changes can be said so. It is a read and an UpdateItem that holds only
 * if the row is unchanged where an index needs columns that the call does not give, and a transaction where a unique value changes.
 */
export function compileUpdate(shape: UpdateShape, layout: Layout): DynamoCommand {
  if (shape.target === "filter") throw new DbError("internal", "updates by filter are not claimed");
  const changed = new Set(shape.changes.map(({ column }) => column));
  const touched = layout.derived.filter(({ sources }) => sources.some((column) => changed.has(column)));
  const touchesClaims = layout.claims.some(({ sources }) => sources.some((column) => changed.has(column)));
  const isDirect = !touchesClaims && touched.every((derived) => isGiven(derived, shape.changes));
  const update: Update = {
    shape,
    layout,
    guard: guardOf(shape.guard, shape.table.key[0]),
    touchesClaims,
    direct: isDirect ? directUpdate(shape, layout, touched) : undefined,
  };
  return {
    describe: () => update.direct?.describe() ?? describeRead(update),
    run: (engine, values, signal) => run(engine, update, values, signal),
  };
}

function isGiven({ sources }: Derived, changes: readonly Change[]): boolean {
  return sources.every((column) => changes.some((change) => change.column === column && (change.op === "set" || change.op === "unset")));
}

function describeRead({ shape, layout, guard, touchesClaims }: Update): unknown {
  return {
    request: touchesClaims ? "GetItem, TransactWriteItems" : "GetItem, UpdateItem",
    TableName: layout.tableName,
    Key: shape.key.map((slot) => ({ slot })),
    changes: shape.changes.map(({ column, op, slot }) => ({ column: column.name, op, slot })),
    ...guard?.describe(),
  };
}

async function run(engine: Engine, update: Update, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
  const { shape, layout, direct } = update;
  const key = keyOf(layout, pick(shape.key, values));
  for (let tries = 1; tries <= maxTries; tries++) {
    const attempt =
      direct === undefined ? await changeAfterRead(engine, update, key, values, signal) : await direct.run(engine, key, values, signal);
    if (typeof attempt === "object") return attempt;
    if (attempt === "guard") return noRows;
    if (attempt === "missing") {
      if (shape.insert === undefined) return noRows;
      const inserted = await insert(engine, update, key, pick(shape.insert, values), signal);
      if (inserted !== undefined) return inserted;
    }
    await pause(engine, tries, signal);
  }
  throw contended(layout);
}

/** Writes the new row; undefined when meanwhile there is one. */
async function insert(
  engine: Engine,
  { shape, layout }: Update,
  key: Item,
  row: Values,
  signal: AbortSignal | undefined,
): Promise<Reply | undefined> {
  const reply: Reply = { rows: shape.returning === "new" ? [row] : [], affected: 1 };
  if (layout.claims.length > 0) {
    const decide = (before: Values | undefined): Decision => (before === undefined ? { after: row, reply } : { reply: noRows });
    const result = await changeRow(engine, layout, key, decide, signal, true);
    return result.affected === 1 ? result : undefined;
  }
  const { table } = layout;
  const absent: Test = { kind: "test", column: table.key[0], op: "null", slots: [] };
  const input = { TableName: layout.tableName, Item: itemOf(layout, row), ...guardOf(absent, table.key[0])!.input([]) };
  try {
    await engine.request((client, options) => client.putItem(input, options), signal);
    return reply;
  } catch (error) {
    if (isConditionFailure(error)) return undefined;
    throw error;
  }
}

async function changeAfterRead(
  engine: Engine,
  update: Update,
  key: Item,
  values: Values,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const { shape, layout, guard, touchesClaims } = update;
  if (touchesClaims) return changeClaiming(engine, update, key, values, signal);
  const before = await readRow(engine, layout, key, signal);
  if (before === undefined) return "missing";
  const after = changedRow(shape.changes, before, values);
  const own = new Placeholders("b");
  const parts = [`attribute_exists(${own.name(layout.table.key[0].name)})`, ...sameAs(layout.table.columns, before, own)];
  const given = guard?.input(values);
  const asBefore = {
    ConditionExpression: [...parts, ...(given === undefined ? [] : [`(${given.ConditionExpression})`])].join(" AND "),
    ExpressionAttributeNames: own.names()!,
    ExpressionAttributeValues: own.values([]),
  };
  const change = assignments(itemOf(layout, before), itemOf(layout, after)) ?? {};
  const input: UpdateItemCommandInput = {
    TableName: layout.tableName,
    Key: key,
    ...mergeInputs(mergeInputs(given ?? {}, change), asBefore),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  };
  try {
    await engine.request((client, options) => client.updateItem(input, options), signal);
  } catch (error) {
    if (!isConditionFailure(error)) throw error;
    if (error.Item === undefined) return "missing";
    return given !== undefined && isSameRow(layout, before, error.Item) ? "guard" : "changed";
  }
  return replyOf(shape, before, after);
}

async function changeClaiming(
  engine: Engine,
  { shape, layout, guard }: Update,
  key: Item,
  values: Values,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  let isMissing = false;
  const decide = (before: Values | undefined): Decision => {
    isMissing = before === undefined;
    if (before === undefined) return { reply: noRows };
    const after = changedRow(shape.changes, before, values);
    return { after, guard: guard?.input(values), reply: replyOf(shape, before, after) };
  };
  const reply = await changeRow(engine, layout, key, decide, signal);
  return isMissing ? "missing" : reply;
}

function replyOf({ returning }: UpdateShape, before: Values, after: Values): Reply {
  return { rows: returning === "none" ? [] : [returning === "old" ? before : after], affected: 1 };
}
