import type { WriteRequest } from "@aws-sdk/client-dynamodb";

import { anyOf, isAlways, isNever, type Condition } from "../../reference/condition.js";
import type { MemberReply, PutShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { itemOf, keyOf, keyText, type Layout, rowOf } from "./layout.js";
import { changeRow, type Decision } from "./change-row.js";
import { type DynamoCommand, noRows, pick, replyWith } from "./command.js";
import type { Engine } from "./engine.js";
import { compileTest } from "./evaluate.js";
import { unprocessed } from "./get.js";
import { guardOf, isConditionFailure } from "./guard.js";
import type { Found } from "./read-row.js";
import { versioned } from "./versions.js";

const maxRounds = 10;

export function compilePut(shape: PutShape, layout: Layout): DynamoCommand {
  const { row, over, returning, ifVersion } = shape;
  const { table, tableName: TableName } = layout;
  const replacesAny = isAlways(over);
  const isGuarded = !replacesAny || ifVersion !== undefined;
  const guard = guardOf(vacant(layout, over), table.key[0], ifVersion);
  const mayReplace = compileTest(table.columns, over);
  const isDirect = layout.claims.length === 0 && !guard.isTooLong;
  const isPlain = isDirect && !isGuarded && returning === "none";

  const putOne = async (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const input = {
      TableName,
      Item: versioned(itemOf(layout, pick(row, values))),
      ...(isGuarded ? guard.input(values) : {}),
      ...(returning === "old" ? { ReturnValues: "ALL_OLD" as const } : {}),
    };
    try {
      const { Attributes } = await engine.request((client, options) => client.putItem(input, options), signal);
      return replyWith(Attributes === undefined || returning === "none" ? undefined : rowOf(table.columns, Attributes));
    } catch (error) {
      if (isConditionFailure(error)) return noRows;
      throw error;
    }
  };

  const putAfterRead = (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const after = pick(row, values);
    const decide = (before: Found | undefined): Decision => {
      if (ifVersion !== undefined && (before?.version ?? null) !== values[ifVersion]) return { reply: noRows };
      if (before !== undefined && !mayReplace(before.row, values)) return { reply: noRows };
      return { after, reply: replyWith(returning === "old" ? before?.row : undefined) };
    };
    // Most rows that may not replace another one are new.
    const isNew = !replacesAny && ifVersion === undefined;
    return changeRow(engine, layout, keyOf(layout, pick(shape.key, values)), decide, signal, isNew);
  };

  return {
    describe: () => ({
      request: isDirect ? "PutItem" : "TransactWriteItems",
      TableName,
      Item: Object.fromEntries(shape.table.columns.map((column, i) => [column.name, { slot: row[i] }])),
      ...(isGuarded ? guard.describe() : {}),
    }),
    run: isDirect ? putOne : putAfterRead,
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
  const absent: Condition = { kind: "test", column: table.key[0], op: "null", slots: [] };
  return isNever(over) ? absent : anyOf([absent, over]);
}

/**
 * Puts rows in one BatchWriteItem. What the service leaves undone is sent again; repeating such a put is harmless, as
 * it has not been made. Once some are written the others fail alone.
 */
async function putTogether(
  engine: Engine,
  layout: Layout,
  rows: readonly Values[],
  signal: AbortSignal | undefined,
): Promise<readonly MemberReply[]> {
  const items = rows.map((row) => versioned(itemOf(layout, row)));
  let waiting: WriteRequest[] = items.map((Item) => ({ PutRequest: { Item } }));
  const failed = (error: unknown): MemberReply[] => {
    const left = new Set(waiting.map(({ PutRequest }) => keyText(PutRequest!.Item!, layout)));
    return items.map((item) => (left.has(keyText(item, layout)) ? { error } : oneWritten));
  };
  for (let round = 1; waiting.length > 0; round++) {
    if (round > maxRounds) return failed(unprocessed(layout));
    try {
      if (round > 1) await engine.clock.sleep(engine.clock.random() * Math.min(2000, 25 * 2 ** round), signal);
      const input = { RequestItems: { [layout.tableName]: waiting } };
      const { UnprocessedItems } = await engine.request((client, options) => client.batchWriteItem(input, options), signal);
      waiting = UnprocessedItems?.[layout.tableName] ?? [];
    } catch (error) {
      // The service refuses a request for one of its members: nothing is written then, and the core tries each alone.
      if (round === 1) throw error;
      return failed(error);
    }
  }
  return items.map(() => oneWritten);
}

const oneWritten = replyWith(undefined);
