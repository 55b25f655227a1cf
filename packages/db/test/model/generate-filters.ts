// Random filters, guards and sorts.

import type { Random } from "./random.js";
import { hashColumn, indexed, type ModelTable, pools, references, sortable, tableNames } from "./tables.js";

type Values = Record<string, unknown>;

/** A value of the column's pool. Times of end are told from 0; whoever makes the call adds the time. */
export function valueOf(random: Random, table: ModelTable, column: string): unknown {
  return random.pick(pools[table][column]!);
}

/** A condition on a column that may be compared. */
export function condition(random: Random, table: ModelTable): Values {
  if (random.chance(0.25)) {
    const parts = random.times(2, () => condition(random, table));
    return { [random.pick(["$or", "$and", "$not"])]: parts };
  }
  const column = random.pick(sortable[table].filter((name) => pools[table][name] !== undefined));
  return { [column]: operand(random, table, column) };
}

function operand(random: Random, table: ModelTable, column: string): unknown {
  const value = (): unknown => valueOf(random, table, column);
  const ordering = ["$eq", "$ne", "$gt", "$ge", "$lt", "$le"];
  switch (random.below(typeof value() === "string" && column !== "price" ? 9 : 7)) {
    case 0:
      return value();
    case 1:
      return null;
    case 2:
      return { $in: random.times(4, value) };
    case 3:
      return { $between: [value(), value()] };
    case 4:
      return { [random.pick(["$not_in", "$not_between"])]: [value(), value()] };
    case 5:
      return { [random.pick(ordering)]: value(), [random.pick(ordering)]: value() };
    case 6:
      return { [random.pick(ordering)]: value() };
    default:
      return {
        [random.pick(["$begins_with", "$contains", "$ends_with", "$not_begins_with", "$like", "$ilike"])]: random.pick([
          "a",
          "R",
          "%",
          "",
          "😀",
          "o",
          "b",
        ]),
      };
  }
}

/** A filter, often by partition or index. */
export function filterOf(random: Random, table: ModelTable): Values {
  const filter: Values = {};
  if (random.chance(0.5)) filter[hashColumn[table]] = valueOf(random, table, hashColumn[table]);
  else if (indexed[table].length > 0 && random.chance(0.6)) Object.assign(filter, byIndex(random, table));
  if (random.chance(0.3) && table === "chat" && filter["id"] !== undefined) filter["type"] = valueOf(random, table, "type");
  for (const part of random.chance(0.5) ? random.times(2, () => condition(random, table)) : []) Object.assign(filter, part);
  if (table === "note" && random.chance(0.3)) filter["free"] = random.pick([1, "1", true, null, { $gt: 0 }, { $ge: "" }]);
  if (random.chance(0.1) && pools[table]["tags"] !== undefined) filter["tags"] = { $contains: random.pick(["a", "😀", ""]) };
  return filter;
}

function byIndex(random: Random, table: ModelTable): Values {
  const column = random.pick(indexed[table]);
  if (pools[table][column] === undefined) return { [column]: random.pick(["it|Rome", "fr|Paris", "i\\|t|\\|"]) };
  return { [column]: random.chance(0.5) ? valueOf(random, table, column) : operand(random, table, column) };
}

export function scanning(random: Random): Values {
  return random.chance(0.8) ? { scan: true } : {};
}

export function sortOf(random: Random, table: ModelTable): string[] {
  const columns = [...new Set(random.times(3, () => random.pick(sortable[table])))];
  return columns.map((column) => (random.chance(0.5) ? `-${column}` : column));
}

/** A filter of a read, which may ask of the row that is referred to. */
export function readFilter(random: Random, table: ModelTable): Values {
  const filter = filterOf(random, table);
  const own = Object.entries(references[table] ?? {});
  if (own.length === 0 || !random.chance(0.4)) return filter;
  const [name, target] = random.pick(own);
  const asked = { $ref: random.chance(0.6) ? filterOf(random, target) : condition(random, target) };
  return random.chance(0.3) ? { ...filter, $not: { [name]: asked } } : { ...filter, [name]: asked };
}

/** What a read includes: rows that are referred to, and rows that refer, in an order that is promised. */
export function including(random: Random, table: ModelTable, depth = 1): Values {
  const include: Values = {};
  const nested = (target: ModelTable): Values => (depth < 4 && random.chance(0.3) ? including(random, target, depth + 1) : {});
  const selected = (target: ModelTable): Values => (random.chance(0.3) ? { select: [random.pick(sortable[target])] } : {});
  for (const [name, target] of Object.entries(references[table] ?? {}))
    if (random.chance(0.6)) include[random.chance(0.5) ? name : `the${name}`] = { by: name, ...selected(target), ...nested(target) };
  for (const from of tableNames)
    for (const [by, target] of Object.entries(references[from] ?? {}))
      if (target === table && random.chance(0.6))
        include[`${from}s`] = {
          from,
          by,
          sort: sortOf(random, from),
          count: random.pick([1, 2, 50]),
          ...selected(from),
          ...(random.chance(0.4) ? { filter: filterOf(random, from) } : {}),
          ...nested(from),
        };
  return Object.keys(include).length === 0 ? {} : { include };
}
