// Which columns a read gives, and which it has to fetch for them.

import type { Column, Join, Table } from "./table.js";

/**
 * The columns of a read that names none: all stored ones and the hidden ones that unjoined columns fill, in order of
 * definition; in open tables `rest` is last.
 */
export function defaultSelection(table: Table): readonly Column[] {
  const declared = [...table.byName.values()].filter((column) => column.index >= 0 || unjoinsOf(table, column).length > 0);
  return table.rest === undefined ? declared : [...declared, table.rest];
}

/** The stored columns that a read of `selected` needs: those that are stored, and the joined columns that fill hidden ones. */
export function fetchedColumns(table: Table, selected: readonly Column[]): readonly Column[] {
  const needed = new Set(selected.filter((column) => column.index >= 0));
  for (const column of selected) for (const join of unjoinsOf(table, column)) needed.add(join.column);
  return [...needed];
}

/** The joined columns whose text fills a column when a row is read: for hidden columns, and for those that are a part of themselves. */
export function unjoinsOf(table: Table, column: Column): readonly Join[] {
  return table.joins.filter((join) => join.unjoin.includes(column) && (column.index < 0 || join.column === column));
}
