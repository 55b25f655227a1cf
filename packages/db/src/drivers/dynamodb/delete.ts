import { allOf, type Condition } from "../../reference/condition.js";
import type { DeleteShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { changeRow } from "./change-row.js";
import { type DynamoCommand, noRows, pick } from "./command.js";
import type { Engine } from "./engine.js";
import { guardOf, isConditionFailure } from "./guard.js";
import { keyOf, type Layout, rowOf } from "./layout.js";

export function compileDelete(shape: DeleteShape, layout: Layout): DynamoCommand {
  if (shape.target === "filter") throw new DbError("internal", "deletes by filter are not claimed");
  const { table, key, returning } = shape;
  const exists: Condition = { kind: "test", column: table.key[0], op: "not_null", slots: [] };
  const present = guardOf(allOf([exists, shape.guard]), table.key[0])!;
  const guard = guardOf(shape.guard, table.key[0]);

  const deleteOne = async (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> => {
    const input = {
      TableName: layout.tableName,
      Key: keyOf(layout, pick(key, values)),
      ...present.input(values),
      ...(returning === "old" ? { ReturnValues: "ALL_OLD" as const } : {}),
    };
    try {
      const { Attributes } = await engine.request((client, options) => client.deleteItem(input, options), signal);
      return { rows: returning === "old" && Attributes !== undefined ? [rowOf(table.columns, Attributes)] : [], affected: 1 };
    } catch (error) {
      if (isConditionFailure(error)) return noRows;
      throw error;
    }
  };

  const deleteClaiming = (engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> =>
    changeRow(
      engine,
      layout,
      keyOf(layout, pick(key, values)),
      (before) =>
        before === undefined
          ? { reply: noRows }
          : { after: undefined, guard: guard?.input(values), reply: { rows: returning === "old" ? [before] : [], affected: 1 } },
      signal,
    );

  return {
    describe: () => ({
      request: layout.claims.length === 0 ? "DeleteItem" : "GetItem, TransactWriteItems",
      TableName: layout.tableName,
      Key: key.map((slot) => ({ slot })),
      ...present.describe(),
    }),
    run: (engine, values, signal) => (layout.claims.length === 0 ? deleteOne : deleteClaiming)(engine, values, signal),
  };
}
