import type { InspectShape, StoredTable } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import { storedTypeOf } from "../../engines/stored-columns.js";
import type { ElasticCommand } from "./command.js";
import { type Field, type Fields, readFields } from "./stored-index.js";

export function compileInspect({ table }: InspectShape): ElasticCommand {
  return {
    table: table.name,
    describe: (engine) => ({ GET: `/${engine.nameOf(table)}/_mapping` }),
    async run(engine, _values, signal) {
      const fields = await readFields(engine, engine.nameOf(table), signal);
      return { rows: [], affected: 0, stored: fields === undefined ? undefined : storedTable(fields) };
    },
  };
}

function storedTable(fields: Fields): StoredTable {
  const own = Object.entries(fields).filter(([name]) => !name.startsWith("$"));
  const key = own
    .filter(([, { meta }]) => meta?.["key"] !== undefined)
    .sort(([, a], [, b]) => Number(a.meta!["key"]) - Number(b.meta!["key"]))
    .map(([name]) => name);
  return {
    columns: new Map(own.map(([name, field]) => [name, typeOf(field)])),
    key: key.length === 0 ? undefined : key,
    indexes: new Map([...notesIn(fields, "$index", false), ...notesIn(fields, "$unique", true)]),
  };
}

/** Begins what is reported of somebody else's field. */
const foreign = "a field of type ";

/** What a column of this driver is stored as, or the type of somebody else's field. */
function typeOf({ type = "object", meta, index, doc_values: docValues, format }: Field): string {
  if (meta?.["kind"] !== undefined) return meta["kind"];
  if (index === false || docValues === false) return `${foreign}${type} without index or doc_values`;
  const isOfFormat = typeof format === "string" && !format.includes("strict_date_optional_time");
  return `${foreign}${type}${isOfFormat ? ` of format ${format}` : ""}`;
}

type StoredIndex = readonly [string, { readonly columns: readonly string[]; readonly unique: boolean }];

function notesIn(fields: Fields, of: "$index" | "$unique", unique: boolean): StoredIndex[] {
  return Object.keys(fields[of]?.properties ?? {}).map((name) => [`${of} ${name}`, { columns: name.split(","), unique }]);
}

/** Types of fields that somebody else made, by kind of column: each has the values exactly, or refuses them. */
const servedBy: { readonly [kind in Column["kind"]]?: readonly string[] } = {
  text: ["keyword"],
  int: ["long", "integer", "short", "byte"],
  real: ["double"],
  bool: ["boolean"],
  time: ["date"],
};

export function servesColumn(stored: string, column: Column): boolean | string {
  if (stored === storedTypeOf(column)) return true;
  const types = column.kind === "list" ? servedBy[column.element ?? "text"] : servedBy[column.kind];
  if (!stored.startsWith(foreign)) return false;
  const type = stored.slice(foreign.length);
  if (types?.includes(type)) return true;
  if (type === "text") return "texts that are analyzed are found by their words alone; declare a field of type keyword";
  return types === undefined ? "only fields that bk makes serve this type" : false;
}
