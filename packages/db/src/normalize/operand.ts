// The operands of the changes that start from what a row has: what is added, appended or taken away.

import type { ChangeOp } from "../driver.js";
import { invalid } from "../errors.js";
import { checkerOf, filterCheckerOf } from "../schema/column-types.js";
import type { TypeName } from "../schema/definition.js";
import type { Column } from "../schema/table.js";

/** The types whose columns `incr` adds to. */
export const amountTypes: ReadonlySet<TypeName> = new Set<TypeName>([
  "int",
  "smallint",
  "bigint",
  "int64",
  "counter",
  "real",
  "float",
  "double",
  "number",
  "decimal",
  "numeric",
]);

const takers: Readonly<Record<Exclude<ChangeOp, "set" | "unset">, { readonly takes: (column: Column) => boolean; readonly what: string }>> =
  {
    incr: { takes: (column) => amountTypes.has(column.type), what: "numbers" },
    append: { takes: isSequence, what: "strings and lists" },
    prepend: { takes: isSequence, what: "strings and lists" },
    add: { takes: (column) => column.isSet, what: "sets" },
    del: { takes: (column) => column.isSet, what: "sets" },
  };

function isSequence(column: Column): boolean {
  return column.kind === "text" || (column.kind === "list" && !column.isSet);
}

/**
 * The logical operand of a change.
 *
 * @throws DbError `invalid` when the column does not take the operation or the value
 */
export function checkOperand(column: Column, op: Exclude<ChangeOp, "set" | "unset">, value: unknown): unknown {
  const { takes, what } = takers[op];
  if (!takes(column))
    throw invalid(`the operation ${op} is for ${what}; column ${column.name} is of type ${column.type}`, { column: column.name });
  return operandCheck(column)(value);
}

const checks = new WeakMap<Column, (value: unknown) => unknown>();

function operandCheck(column: Column): (value: unknown) => unknown {
  let check = checks.get(column);
  if (check === undefined)
    checks.set(column, (check = column.kind === "text" ? filterCheckerOf(column, "part") : checkerOf(withoutRules(column))));
  return check;
}

// Bounds, lengths and allowed values are for what the row has in the end, not for the operand.
function withoutRules(column: Column): Column {
  const { type, of, decimals, multiplier } = column.definition;
  const definition = Object.fromEntries(Object.entries({ type, of, decimals, multiplier }).filter(([, value]) => value !== undefined));
  return { ...column, maxLength: undefined, definition };
}
