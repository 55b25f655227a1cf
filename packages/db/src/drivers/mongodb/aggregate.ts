import type { Document } from "mongodb";

import type { AggregateShape, Measure, Reply, Value, Values } from "../../driver.js";
import { anyValues, type Binder, binderOf, type MongoCommand } from "./command.js";
import { type Engine, wholeCursor } from "./engine.js";
import { idField, type Layout } from "./layout.js";
import { behind, type Piece, sortOf } from "./order.js";
import { readFilter } from "./select.js";
import { plainDecimal } from "./values.js";

/** What the server computes for one measure, and the measure's value made of it. */
interface Computed {
  readonly fields: Document;
  read(row: Document): Value;
}

export function compileAggregate(shape: AggregateShape, layout: Layout): MongoCommand {
  const { table, filter, groupBy, measures, after, limit } = shape;
  const condition = readFilter(filter, layout);
  const computed = measures.map((measure, i) => compute(measure, `m${i}`, layout));
  const groups = groupBy.map(
    ({ column, descending }, i): Piece & { readonly source: Document; readonly read: (row: Document) => Value } => {
      const field = layout.fieldOf(column);
      const slot = after?.[i] ?? -1;
      return {
        path: groupBy.length === 1 ? idField : `${idField}.g${i}`,
        // Nothing and null are one group.
        source: { $ifNull: [`$${field.path}`, null] },
        descending,
        mayBeAbsent: true,
        isNull: (bind) => bind.isNull(slot),
        value: (bind) => bind.value(slot, field.toBson),
        read: (row) => field.fromBson(groupBy.length === 1 ? row[idField] : (row[idField] as Document)[`g${i}`]),
      };
    },
  );
  const group = {
    [idField]:
      groups.length === 0
        ? null
        : groups.length === 1
          ? groups[0]!.source
          : Object.fromEntries(groups.map(({ source }, i) => [`g${i}`, source])),
    ...Object.assign({}, ...computed.map(({ fields }) => fields)),
  } as Document;

  const commandOf = (bind: Binder): Document => ({
    aggregate: table.name,
    pipeline: [
      { $match: condition(bind) },
      { $group: group },
      ...(after === undefined ? [] : [{ $match: behind(groups, bind) }]),
      ...(groups.length === 0 ? [] : [{ $sort: sortOf(groups) }]),
      ...(limit === undefined ? [] : [{ $limit: bind.value(limit, Number) }]),
    ],
    cursor: {},
    allowDiskUse: true,
  });
  const read = (row: Document): Value[] => [...groups.map((one) => one.read(row)), ...computed.map((one) => one.read(row))];

  return {
    table,
    describe: () => commandOf(anyValues),
    async run(engine: Engine, values: Values, signal): Promise<Reply> {
      if (limit !== undefined && Number(values[limit]) === 0) return { rows: [], affected: 0 };
      const reply = await engine.send(commandOf(binderOf(values)), signal);
      const documents = await wholeCursor(engine, table.name, reply, signal);
      // Without groups there is one row, also of nothing.
      const rows = documents.length === 0 && groups.length === 0 ? [{}] : documents;
      return { rows: rows.map(read), affected: 0 };
    },
  };
}

function compute({ op, column }: Measure, name: string, layout: Layout): Computed {
  if (column === undefined) return { fields: { [name]: { $sum: 1 } }, read: (row) => Number(row[name] ?? 0) };
  const { path, fromBson } = layout.fieldOf(column);
  const present = { $sum: { $cond: [{ $gt: [`$${path}`, null] }, 1, 0] } };
  switch (op) {
    case "count":
      return { fields: { [name]: present }, read: (row) => Number(row[name] ?? 0) };
    case "sum": {
      // As decimals of 34 digits: sums of integers become doubles when they leave their type. A date counts as its milliseconds.
      const integer = column.type === "ttl" ? { $toLong: `$${path}` } : `$${path}`;
      const term = { $multiply: [integer, layout.bson.Decimal128.fromString("1")] };
      const { Decimal128 } = layout.bson;
      return {
        fields: { [name]: { $sum: term }, [`${name}n`]: present },
        read(row) {
          if (Number(row[`${name}n`] ?? 0) === 0) return null;
          const sum: unknown = row[name];
          return sum instanceof Decimal128 ? plainDecimal(sum.toString()) : String(sum);
        },
      };
    }
    case "min":
    case "max":
      return { fields: { [name]: { [`$${op}`]: `$${path}` } }, read: (row) => fromBson(row[name]) };
  }
}
