// Rows that were written before an index or a unique group was declared get what belongs to it.

import type { Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Index } from "../../schema/table.js";
import type { Item } from "./attributes.js";
import { claimActions } from "./unique-claims.js";
import type { Engine } from "./engine.js";
import { mergeInputs } from "./expressions.js";
import { isConditionFailure } from "./guard.js";
import { itemOf, keyOf, type Layout, rowOf } from "./layout.js";
import { assignments } from "./transact.js";
import { isVersion, versionOf } from "./versions.js";

/** Gives every row the attributes derived from its columns. */
export async function backfillDerived(engine: Engine, layout: Layout, signal: AbortSignal | undefined): Promise<void> {
  for await (const items of pages(engine, layout, signal)) await together(items, (item) => deriveOne(engine, layout, item, signal));
}

async function deriveOne(engine: Engine, layout: Layout, seen: Item, signal: AbortSignal | undefined): Promise<void> {
  const { table, derived } = layout;
  for (let item: Item | undefined = seen; item !== undefined;) {
    const row = rowOf(table.columns, item);
    const whole = itemOf(layout, row);
    const names = derived.map(({ name }) => name);
    const change = assignments(only(item, names), only(whole, names));
    if (change === undefined) return;
    // The version stays: what a change of the row computes does not depend on what is derived.
    const asSeen = isVersion(versionOf(item), table.key[0].name);
    const Key = keyOf(layout, keyIn(layout, row));
    const input = {
      TableName: layout.tableName,
      Key,
      ...mergeInputs(change, asSeen),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    };
    try {
      await engine.request((client, options) => client.updateItem(input, options), signal);
      return;
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
      // The row has changed or gone meanwhile.
      item = error.Item;
    }
  }
}

/**
 * Claims the values of one unique group for the rows that have them.
 *
 * @throws DbError `drift` when two rows have one value
 */
export async function backfillClaims(engine: Engine, layout: Layout, index: Index, signal: AbortSignal | undefined): Promise<void> {
  const claims = layout.claims.filter((claim) => claim.index === index);
  for await (const items of pages(engine, layout, signal)) {
    await together(items, async (item) => {
      const after = rowOf(layout.table.columns, item);
      const write = { layout: { ...layout, claims }, key: keyOf(layout, keyIn(layout, after)), before: undefined, after };
      for (const { action } of claimActions([write], { notOurs: new Set(), stale: new Map() }, engine.clock.now())) {
        try {
          await engine.request((client, options) => client.putItem(action.Put!, options), signal);
        } catch (error) {
          if (isConditionFailure(error)) throw notUnique(layout, index);
          throw error;
        }
      }
    });
  }
}

function notUnique({ table }: Layout, index: Index): DbError {
  return new DbError("drift", `rows share values of ${index.columns.map(({ name }) => name).join(", ")}, which are to be unique`, {
    table: table.name,
    detail: { unique: index.name },
  });
}

const writesAtOnce = 16;

/** Does something with each item, a few at once. */
export async function together(items: readonly Item[], task: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const next = async (): Promise<void> => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await task(item);
  };
  await Promise.all(Array.from({ length: writesAtOnce }, next));
}

async function* pages(engine: Engine, layout: Layout, signal: AbortSignal | undefined): AsyncGenerator<Item[]> {
  const pacer = await engine.pacerOf(layout, signal);
  let start: Item | undefined;
  do {
    const input = {
      TableName: layout.tableName,
      ConsistentRead: true,
      ReturnConsumedCapacity: "TOTAL" as const,
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    };
    const { Items, LastEvaluatedKey, ConsumedCapacity } = await engine.request((client, options) => client.scan(input, options), signal);
    yield Items ?? [];
    await pacer?.used(ConsumedCapacity?.CapacityUnits ?? 0, signal);
    start = LastEvaluatedKey;
  } while (start !== undefined);
}

function only(item: Item, names: readonly string[]): Item {
  return Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));
}

function keyIn({ table }: Layout, row: Values): Values {
  return table.key.map((column) => row[column.index] ?? null);
}
