import type { PutItemCommandInput } from "@aws-sdk/client-dynamodb";

import { allOf, type Condition } from "../../reference/condition.js";
import type { Change, Reply, UpdateShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Item } from "./attributes.js";
import { changeRow, contended, type Decision, maxTries, pause } from "./change-row.js";
import { type DynamoCommand, noRows, pick, replyWith } from "./command.js";
import { type Attempt, type DirectUpdate, directUpdate } from "./direct-update.js";
import type { Engine } from "./engine.js";
import { compileChanges, compileTest } from "./evaluate.js";
import { mergeInputs } from "./expressions.js";
import { type Guard, guardOf, isConditionFailure } from "./guard.js";
import { type Derived, itemOf, keyOf, type Layout } from "./layout.js";
import { type Found, readRow } from "./read-row.js";
import { rowChange } from "./transact.js";
import { isVersion, versioned } from "./versions.js";

interface Update {
  readonly shape: UpdateShape;
  readonly layout: Layout;
  readonly guard: Guard;
  readonly holds: (row: Values, values: Values) => boolean;
  readonly changed: (row: Values, values: Values) => Values;
  readonly touchesClaims: boolean;
  /** Undefined when the row must be read first, to compute what is derived from it. */
  readonly direct: DirectUpdate | undefined;
}

/** More do not fit an expression. */
const mostDirectChanges = 200;

/**
 * An update is one UpdateItem where all it changes can be said so. It is a read and an UpdateItem that holds only
 * if the row is unchanged where an index needs columns that the call does not give, and a transaction where a unique value changes.
 */
export function compileUpdate(shape: UpdateShape, layout: Layout): DynamoCommand {
  if (shape.target === "filter") throw new DbError("internal", "updates by filter are not claimed");
  const changed = new Set(shape.changes.map(({ column }) => column));
  const touched = layout.derived.filter(({ sources }) => sources.some((column) => changed.has(column)));
  const touchesClaims = layout.claims.some(({ sources }) => sources.some((column) => changed.has(column)));
  const { table } = layout;
  const exists: Condition = { kind: "test", column: table.key[0], op: "not_null", slots: [] };
  const guard = guardOf(allOf([exists, shape.guard]), table.key[0], shape.ifVersion);
  const fits = !guard.isTooLong && shape.changes.length <= mostDirectChanges;
  const isDirect = fits && !touchesClaims && touched.every((derived) => isGiven(derived, shape.changes));
  const update: Update = {
    shape,
    layout,
    guard,
    holds: compileTest(table.columns, shape.guard),
    changed: compileChanges(table.columns, shape.changes),
    touchesClaims,
    direct: isDirect ? directUpdate(shape, layout, guard, touched) : undefined,
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
    ...guard.describe(),
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
    const decide = (before: Found | undefined): Decision => (before === undefined ? { after: row, reply } : { reply: noRows });
    const result = await changeRow(engine, layout, key, decide, signal, true);
    return result.affected === 1 ? result : undefined;
  }
  const { tableName: TableName, table } = layout;
  const input = { TableName, Item: versioned(itemOf(layout, row)), ...isVersion(null, table.key[0].name) };
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
  const { layout, touchesClaims } = update;
  if (touchesClaims) return changeClaiming(engine, update, key, values, signal);
  const before = await readRow(engine, layout, key, signal);
  if (before === undefined) return "missing";
  if (!mayChange(update, before, values)) return "guard";
  const after = update.changed(before.row, values);
  const { tableName: TableName, table } = layout;
  const change = rowChange(layout, before.row, after, before.item) ?? {};
  const asRead = {
    ...mergeInputs(change, isVersion(before.version, table.key[0].name)),
    TableName,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
  try {
    await engine.request(
      (client, options): Promise<unknown> =>
        "Item" in asRead ? client.putItem(asRead as PutItemCommandInput, options) : client.updateItem({ ...asRead, Key: key }, options),
      signal,
    );
  } catch (error) {
    if (!isConditionFailure(error)) throw error;
    return error.Item === undefined ? "missing" : "changed";
  }
  return replyOf(update.shape, before.row, after);
}

function mayChange({ shape, holds }: Update, { row, version }: Found, values: Values): boolean {
  return holds(row, values) && (shape.ifVersion === undefined || version === values[shape.ifVersion]);
}

async function changeClaiming(
  engine: Engine,
  update: Update,
  key: Item,
  values: Values,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  let isMissing = false;
  const decide = (before: Found | undefined): Decision => {
    isMissing = before === undefined;
    if (before === undefined || !mayChange(update, before, values)) return { reply: noRows };
    const after = update.changed(before.row, values);
    return { after, reply: replyOf(update.shape, before.row, after) };
  };
  const reply = await changeRow(engine, update.layout, key, decide, signal);
  return isMissing ? "missing" : reply;
}

function replyOf({ returning }: UpdateShape, before: Values, after: Values): Reply {
  return replyWith(returning === "none" ? undefined : returning === "old" ? before : after);
}
