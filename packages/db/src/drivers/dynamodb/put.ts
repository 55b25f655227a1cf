import type { WriteRequest } from "@aws-sdk/client-dynamodb";

import type { PutShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { itemOf, keyOf, type Layout, rowOf } from "./layout.js";
import { type DynamoCommand, noRows, pick } from "./command.js";
import type { Engine } from "./engine.js";
import { anyOf, type Condition, isAlways, isNever } from "../../reference/condition.js";
import { guardOf, isConditionFailure } from "./guard.js";
import { unprocessed } from "./get.js";
import { changeRow, type Decision } from "./change-row.js";

const maxRounds = 10;
const done: Reply = Object.freeze({ rows: [], affected: 1 });

export function compilePut(shape: PutShape, layout: Layout): DynamoCommand {
  const { row, over, returning, table } = shape;
  const replacesAny = isAlways(over);
  const guard = replacesAny ? undefined : guardOf(vacant(layout, over), table.key[0]);
  const replaceable = replacesAny || isNever(over) ? undefined : guardOf(over, table.key[0]);
  const isPlain = guard === undefined && returning === "none" && layout.claims.length === 0;

  const putOne = async (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const input = {
      TableName: layout.tableName,
      Item: itemOf(layout, pick(row, values)),
      ...guard?.input(values),
      ...(returning === "old" ? { ReturnValues: "ALL_OLD" as const } : {}),
    };
    try {
      const { Attributes } = await engine.request((client, options) => client.putItem(input, options), signal);
      return Attributes === undefined || returning === "none" ? done : { rows: [rowOf(table.columns, Attributes)], affected: 1 };
    } catch (error) {
      if (isConditionFailure(error)) return noRows;
      throw error;
    }
  };

  const putClaiming = (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const after = pick(row, values);
    const decide = (before: Values | undefined): Decision => {
      if (before === undefined) return { after, reply: done };
      const reply: Reply = returning === "old" ? { rows: [before], affected: 1 } : done;
      if (replacesAny) return { after, reply };
      return replaceable === undefined ? { reply: noRows } : { after, guard: replaceable.input(values), reply };
    };
    return changeRow(engine, layout, keyOf(layout, pick(shape.key, values)), decide, signal, !replacesAny);
  };

  return {
    describe: () => ({
      request: layout.claims.length === 0 ? "PutItem" : "TransactWriteItems",
      TableName: layout.tableName,
      Item: Object.fromEntries(table.columns.map((column, i) => [column.name, { slot: row[i] }])),
      ...guard?.describe(),
    }),
    run: (engine, values, signal) => (layout.claims.length === 0 ? putOne(engine, values, signal) : putClaiming(engine, values, signal)),
    runGroup: (engine, group, signal) => {
      // Members that may each come out differently are sent alone: nothing is done here, and the core tries them one by one.
      if (!isPlain) throw new DbError("unsupported", "these writes cannot be grouped", { table: table.name });
      return putTogether(
        engine,
        layout,
        group.map((values) => pick(row, values)),
        signal,
      );
    },
  };
}

/** Holds where there is no row, or one that may be replaced. */
function vacant({ table }: Layout, over: Condition): Condition {
  return anyOf([{ kind: "test", column: table.key[0], op: "null", slots: [] }, over]);
}

/**
 * Puts rows in one BatchWriteItem. What the service leaves undone is sent again; repeating such a put is harmless, as
 * it has not been made.
 */
async function putTogether(engine: Engine, layout: Layout, rows: readonly Values[], signal: AbortSignal | undefined): Promise<Reply[]> {
  let waiting: WriteRequest[] = rows.map((row) => ({ PutRequest: { Item: itemOf(layout, row) } }));
  for (let round = 1; waiting.length > 0; round++) {
    if (round > maxRounds) throw unprocessed(layout);
    if (round > 1) await engine.clock.sleep(engine.clock.random() * Math.min(2000, 25 * 2 ** round), signal);
    const input = { RequestItems: { [layout.tableName]: waiting } };
    const { UnprocessedItems } = await engine.request((client, options) => client.batchWriteItem(input, options), signal);
    waiting = UnprocessedItems?.[layout.tableName] ?? [];
  }
  return rows.map(() => done);
}
