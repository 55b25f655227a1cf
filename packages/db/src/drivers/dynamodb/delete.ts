import { allOf, type Condition } from "../../reference/condition.js";
import type { DeleteShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { changeRow } from "./change-row.js";
import { type DynamoCommand, noRows, pick, replyWith } from "./command.js";
import type { Engine } from "./engine.js";
import { compileTest } from "./evaluate.js";
import { guardOf, isConditionFailure } from "./guard.js";
import { keyOf, type Layout, rowOf } from "./layout.js";

export function compileDelete(shape: DeleteShape, layout: Layout): DynamoCommand {
  if (shape.target === "filter") throw new DbError("internal", "deletes by filter are not claimed");
  const { key, returning, ifVersion } = shape;
  const { table } = layout;
  const [hash] = table.key;
  const exists: Condition = { kind: "test", column: hash, op: "not_null", slots: [] };
  const guard = guardOf(allOf([exists, shape.guard]), hash, ifVersion);
  const holds = compileTest(table.columns, shape.guard);
  const isDirect = layout.claims.length === 0 && !guard.isTooLong;

  const deleteOne = async (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const input = {
      TableName: layout.tableName,
      Key: keyOf(layout, pick(key, values)),
      ...guard.input(values),
      ...(returning === "old" ? { ReturnValues: "ALL_OLD" as const } : {}),
    };
    try {
      const { Attributes } = await engine.request((client, options) => client.deleteItem(input, options), signal);
      return replyWith(returning === "old" && Attributes !== undefined ? rowOf(table.columns, Attributes) : undefined);
    } catch (error) {
      if (isConditionFailure(error)) return noRows;
      throw error;
    }
  };

  const deleteAfterRead = (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> =>
    changeRow(
      engine,
      layout,
      keyOf(layout, pick(key, values)),
      (before) => {
        if (before === undefined || !holds(before.row, values)) return { reply: noRows };
        if (ifVersion !== undefined && before.version !== values[ifVersion]) return { reply: noRows };
        return { after: undefined, reply: replyWith(returning === "old" ? before.row : undefined) };
      },
      signal,
    );

  return {
    describe: () => ({
      request: isDirect ? "DeleteItem" : "GetItem, TransactWriteItems",
      TableName: layout.tableName,
      Key: key.map((slot) => ({ slot })),
      ...guard.describe(),
    }),
    run: isDirect ? deleteOne : deleteAfterRead,
  };
}
