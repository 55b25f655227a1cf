import type { Change, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";

/** The row after the changes that this driver claims, in stored form. */
export function changedRow(changes: readonly Change[], before: Values, values: Values): Values {
  const after = [...before];
  for (const change of changes) {
    const { index } = change.column;
    after[index] = changedValue(change, before[index] ?? null, change.slot === undefined ? null : (values[change.slot] ?? null));
  }
  return after;
}

function changedValue({ op, column }: Change, old: Value, given: Value): Value {
  switch (op) {
    case "set":
      return given;
    case "unset":
      return null;
    case "incr":
      return typeof given === "bigint" ? BigInt((old ?? 0n) as bigint) + given : ((old ?? 0) as number) + (given as number);
    case "append":
      return [...((old ?? []) as readonly Value[]), ...(given as readonly Value[])];
    case "prepend":
      return [...(given as readonly Value[]), ...((old ?? []) as readonly Value[])];
    case "add":
    case "del":
      throw new DbError("internal", `the change ${op} is not claimed`, { column: column.name });
  }
}
