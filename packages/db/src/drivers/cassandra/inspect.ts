import type { InspectShape, Reply, StoredTable } from "../../driver.js";
import type { Table } from "../../schema/table.js";
import type { CassandraCommand } from "./command.js";
import { indexedColumns } from "./define.js";

const columnsOf =
  "SELECT column_name, type, kind, position, clustering_order FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
const indexesOf = "SELECT index_name, options FROM system_schema.indexes WHERE keyspace_name = ? AND table_name = ?";

interface StoredColumn {
  readonly column_name: string;
  readonly type: string;
  readonly kind: "partition_key" | "clustering" | "regular" | "static";
  readonly position: number;
  readonly clustering_order: "none" | "asc" | "desc";
}

interface StoredIndex {
  readonly index_name: string;
  readonly options: Readonly<Record<string, string>>;
}

export function compileInspect({ table }: InspectShape, keyspace: string): CassandraCommand {
  return {
    describe: () => [columnsOf, indexesOf],
    async run(engine): Promise<Reply> {
      const params = [keyspace, table.name];
      const [columns, indexes] = await Promise.all([engine.read({ cql: columnsOf, params }), engine.read({ cql: indexesOf, params })]);
      if (columns.rows.length === 0) return { rows: [], affected: 0, stored: undefined };
      const stored = storedTable(table, columns.rows as unknown as StoredColumn[], indexes.rows as unknown as StoredIndex[]);
      return { rows: [], affected: 0, stored };
    },
  };
}

function storedTable(table: Table, columns: readonly StoredColumn[], indexes: readonly StoredIndex[]): StoredTable {
  const own = columns.filter(({ column_name: name }) => name !== "_version");
  return {
    columns: new Map(own.map(({ column_name: name, type, kind }) => [name, kind === "static" ? `static ${type}` : type])),
    key: keyOf(columns),
    indexes: declaredIndexes(table, indexes),
  };
}

/** The partition's columns count as one, and an order as a part of the name: a key with several, or backwards, is another key than a declared one. */
function keyOf(columns: readonly StoredColumn[]): string[] {
  const of = (kind: StoredColumn["kind"]): StoredColumn[] =>
    columns.filter((column) => column.kind === kind).sort((a, b) => a.position - b.position);
  const partition = of("partition_key").map(({ column_name: name }) => name);
  const hash = partition.length === 1 ? partition[0]! : `(${partition.join(", ")})`;
  return [hash, ...of("clustering").map(({ column_name: name, clustering_order: order }) => (order === "desc" ? `${name} DESC` : name))];
}

/** An index is there when each of its columns has one; indexes of others are those of one column. */
function declaredIndexes(table: Table, stored: readonly StoredIndex[]): StoredTable["indexes"] {
  const known = stored.filter(({ options }) => /(^|\.)(sai|storageattachedindex)$/i.test(options["class_name"] ?? ""));
  const names = new Map(known.map(({ index_name: name, options }) => [plainName(options["target"] ?? ""), name]));
  const found = new Map<string, { columns: readonly string[]; unique: boolean }>();
  for (const [column, name] of names) found.set(name, { columns: [column], unique: false });
  for (const { name, columns, unique } of [...table.indexes, ...table.uniques])
    if (indexedColumns(table, columns).every((column) => names.has(column.name)))
      found.set(`${unique ? "unique" : "index"} ${name}`, { columns: columns.map((column) => column.name), unique });
  return found;
}

function plainName(target: string): string {
  return target.startsWith('"') && target.endsWith('"') ? target.slice(1, -1).replaceAll('""', '"') : target;
}
