// Columns as stores note them that keep no types by themselves: a text says how values are stored.

import type { Column, Kind } from "../schema/table.js";

/** The stored type of a column: its kind, and that of its elements. Each is stored in a way of its own. */
export function storedTypeOf({ kind, element }: Column): string {
  return element === undefined ? kind : `${kind} of ${element}`;
}

/** A column that the store knows of and the table's declaration lacks. */
export function storedColumn(name: string, storedType: string, isKey: boolean, index: number): Column {
  const [kind, element] = storedType.split(" of ") as [Kind, Column["element"]];
  return {
    name,
    kind,
    element,
    isKey,
    index,
    type: kind === "time" ? "timestamp" : kind,
    isSet: false,
    maxLength: undefined,
    isRest: false,
    definition: {},
  };
}
