// The parameters of endpoints that reply pages of a module's own table: filters by column, order and selection.

import type { ColumnDefinition, ColumnDefinitions } from "@bk/db";

import type { Row } from "../contract/database.js";
import type { Parameter } from "../contract/endpoint.js";
import { invalid } from "./failures.js";
import { pageOptions, pageParameters } from "./pages.js";

export const listParameters = {
  ...pageParameters,
  _ops: {
    type: "list",
    about:
      "how columns are compared: `column,operator,…`, with the operators of the data API, such as ne, gt, begins_with, in, between or null",
  },
  _sort: { max: 48, about: "the column to sort by; default the key" },
  _desc: { type: "bool", default: false, about: "the greatest first" },
  _select: { type: "list", about: "the columns that are wanted; default all" },
  _total: { type: "bool", default: false, about: "how many there are, and no rows" },
} as const satisfies Record<string, Parameter>;

export interface ListValues {
  readonly _count: number;
  readonly _start: string | undefined;
  readonly _sort: string | undefined;
  readonly _desc: boolean;
  readonly _select: readonly string[] | undefined;
  readonly _total: boolean;
}

/** Columns that nobody gives or sees. */
export const isClosed = ({ secure, hidden }: ColumnDefinition): boolean => secure === true || hidden === true;

/** Columns that no filter, sort or selection of accounts may name. */
const isHidden = (column: ColumnDefinition): boolean => isClosed(column) || column.admin === true;

/**
 * Options of a select: page, order and columns.
 *
 * @param always  columns that are read in any case, to work with
 * @throws BkError `invalid` for a column that is not there, or not to be seen
 */
export function listOptions(values: ListValues, columns: ColumnDefinitions, always: readonly string[] = []): Row {
  const { _sort, _desc, _select } = values;
  const check = (name: string, parameter: string): string => {
    if (!Object.hasOwn(columns, name) || isHidden(columns[name]!))
      throw invalid(`${parameter}: there is no column ${JSON.stringify(name.slice(0, 50))}`, parameter);
    return name;
  };
  const key = Object.keys(columns).filter((name) => (columns[name]!.primary ?? 0) > 1);
  const by = _sort !== undefined && _sort !== "" ? [check(_sort, "_sort")] : key;
  return {
    ...pageOptions(values),
    sort: by.map((name) => (_desc ? `-${name}` : name)),
    ...(_select === undefined ? {} : { select: [...new Set([..._select.map((name) => check(name, "_select")), ...always])] }),
  };
}
