import type { GlobalSecondaryIndexDescription, TableDescription } from "@aws-sdk/client-dynamodb";

import type { InspectShape, StoredTable } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import type { DynamoCommand } from "./command.js";
import { storedTypeOf } from "../../engines/stored-columns.js";
import { describeTable } from "./define.js";
import { type Definition, readDefinition } from "./definitions.js";
import type { Engine } from "./engine.js";
import { columnsInName, keyType, type Layout } from "./layout.js";

/** The type that is reported of columns whose attributes the table does not declare: they may hold anything. */
const anyType = "*";

export function compileInspect(_shape: InspectShape, layout: Layout): DynamoCommand {
  return {
    describe: () => ({ request: "DescribeTable", TableName: layout.tableName }),
    async run(engine, _values, signal) {
      const found = await describeTable(engine, layout.tableName, signal);
      if (found === undefined) return { rows: [], affected: 0, stored: undefined };
      const noted = await readDefinition(engine, layout, signal);
      const hasTtl = layout.table.ttl === undefined || (await isTtlEnabled(engine, layout, signal));
      return { rows: [], affected: 0, stored: storedTable(layout, found, noted?.definition, hasTtl) };
    },
  };
}

async function isTtlEnabled(engine: Engine, { tableName }: Layout, signal: AbortSignal | undefined): Promise<boolean> {
  const { TimeToLiveDescription } = await engine.request(
    (client, options) => client.describeTimeToLive({ TableName: tableName }, options),
    signal,
  );
  return TimeToLiveDescription?.TimeToLiveStatus === "ENABLED" || TimeToLiveDescription?.TimeToLiveStatus === "ENABLING";
}

function storedTable(layout: Layout, found: TableDescription, noted: Definition | undefined, hasTtl: boolean): StoredTable {
  const { table } = layout;
  const types = new Map((found.AttributeDefinitions ?? []).map(({ AttributeName, AttributeType }) => [AttributeName, AttributeType]));
  const keyNames = (found.KeySchema ?? []).map(({ AttributeName }) => AttributeName ?? "");
  // Where the engine does not yet remove rows by the declared ttl column, that column is reported missing, so that it gets defined.
  const isNoted = ({ name }: Column): boolean => noted === undefined || Object.hasOwn(noted.columns, name);
  const columns = table.columns.filter((column) => (column === table.ttl ? hasTtl : true) && isNoted(column));
  const typeOf = (column: Column): string =>
    noted?.columns[column.name] ?? (keyNames.includes(column.name) ? (types.get(column.name) ?? anyType) : anyType);
  return {
    columns: new Map(columns.map((column) => [column.name, typeOf(column)])),
    key: keyNames.flatMap(columnsOf),
    indexes: new Map((found.GlobalSecondaryIndexes ?? []).map(indexIn)),
  };
}

function columnsOf(attribute: string): string[] {
  return attribute.startsWith("_") ? columnsInName(attribute) : [attribute];
}

type StoredIndex = readonly [string, { readonly columns: string[]; readonly unique: boolean }];

function indexIn({ IndexName = "", KeySchema = [] }: GlobalSecondaryIndexDescription): StoredIndex {
  const ours = /^(by|unique)\./.exec(IndexName);
  const columns = ours === null ? KeySchema.map(({ AttributeName = "" }) => AttributeName) : columnsInName(IndexName);
  return [IndexName, { columns, unique: ours?.[1] === "unique" }];
}

/** Whether an attribute of type `stored` can hold a column. */
export function servesColumn(stored: string, column: Column): boolean {
  return stored === anyType || stored === keyType(column) || stored === storedTypeOf(column);
}
