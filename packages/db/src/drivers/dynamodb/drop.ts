// Dropping a table: the service's own, the claims of its rows, and what is noted of it.

import type { Item } from "./attributes.js";
import { together } from "./backfill.js";
import { waitForTable } from "./define.js";
import { deleteDefinition, readDefinition, systemKey } from "./definitions.js";
import type { Engine } from "./engine.js";
import { isMissingTable } from "./errors.js";
import type { Layout } from "./layout.js";

/** The note is the last to go: what was begun is finished by doing it once more. */
export async function dropTable(engine: Engine, layout: Layout, signal: AbortSignal | undefined): Promise<void> {
  const { tableName } = layout;
  const noted = await readDefinition(engine, layout, signal);
  const deadline = engine.clock.now() + engine.options.waitMs;
  try {
    await engine.request((client, options) => client.deleteTable({ TableName: tableName }, options), signal);
  } catch (error) {
    if (!isMissingTable(error)) throw error;
  }
  await waitForTable(engine, tableName, (table) => table === undefined, deadline, signal);
  if (layout.claims.length > 0 || noted?.definition.indexes.some(({ unique }) => unique) === true)
    await deleteClaims(engine, layout, signal);
  await deleteDefinition(engine, layout, signal);
}

/** Claims name rows by their key, which the next table of the name may have otherwise. */
async function deleteClaims(engine: Engine, { table, systemName }: Layout, signal: AbortSignal | undefined): Promise<void> {
  let start: Item | undefined;
  do {
    const input = {
      TableName: systemName,
      ConsistentRead: true,
      FilterExpression: "begins_with(#id, :claims)",
      ProjectionExpression: "#id",
      ExpressionAttributeNames: { "#id": systemKey },
      ExpressionAttributeValues: { ":claims": { S: `${table.name}.` } },
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    };
    const { Items = [], LastEvaluatedKey } = await engine.request((client, options) => client.scan(input, options), signal);
    await together(Items, async ({ [systemKey]: id }) => {
      const one = { TableName: systemName, Key: { [systemKey]: id! } };
      await engine.request((client, options) => client.deleteItem(one, options), signal);
    });
    start = LastEvaluatedKey;
  } while (start !== undefined);
}
