// What is computed over rows, by groups: GROUP BY with the engine's functions, where those are exact.

import type { AggregateShape, Measure, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { SqlRead } from "./command.js";
import type { SqlComputed, SqlDialect } from "./dialect.js";
import { compileRows } from "./select.js";

export function compileAggregate(shape: AggregateShape, dialect: SqlDialect): SqlRead {
  const { groupBy, measures } = shape;
  const names = groupBy.map(({ column }) => dialect.quote(column.name));
  const computed = measures.map((measure) => computedBy(measure, dialect));
  const items = [...groupBy.map(({ column }, i) => dialect.read(column, names[i]!)), ...computed.flatMap(({ parts }) => parts)];
  const group = names.length === 0 ? "" : ` GROUP BY ${names.join(", ")}`;
  const rows = compileRows({ ...shape, order: groupBy }, items, group, dialect);
  return Object.freeze({ kind: "read", shape, ...rows, gather: gatherOf(groupBy.length, computed) });
}

function computedBy({ op, column }: Measure, dialect: SqlDialect): SqlComputed {
  if (column === undefined) {
    if (op === "count") return { parts: ["count(*)"] };
    throw new DbError("internal", `${op} needs a column`);
  }
  const name = dialect.quote(column.name);
  switch (op) {
    case "count":
      return { parts: [`count(${name})`] };
    case "sum":
      return dialect.sum(column, name);
    default:
      return { parts: [dialect.read(column, dialect.end(op, column, dialect.inOrder(column, name)))] };
  }
}

/** Puts the values that came in parts together; undefined where there are none. */
function gatherOf(groups: number, computed: readonly SqlComputed[]): SqlRead["gather"] {
  if (computed.every(({ parts }) => parts.length === 1)) return undefined;
  return (row: Values): Values => {
    let at = groups;
    const values: Value[] = row.slice(0, groups);
    for (const { parts, join } of computed) {
      const own = row.slice(at, (at += parts.length));
      values.push(join === undefined || own.includes(null) ? own[0]! : join(own));
    }
    return values;
  };
}

/** The rows of a reply of what {@link compileAggregate} makes. */
export function gathered({ gather }: SqlRead, rows: readonly Values[]): readonly Values[] {
  return gather === undefined ? rows : rows.map(gather);
}
