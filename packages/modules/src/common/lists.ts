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
    about: "how columns are compared: `column,operator,…`; eq, ne, gt, ge, lt, le, begins_with, contains, or > >= < <= = !=",
  },
  _sort: { max: 48, about: "the column to sort by; default the key" },
  _desc: { type: "bool", default: false, about: "the greatest first" },
  _select: { type: "list", about: "the columns that are wanted; default all" },
  _total: { type: "bool", default: false, about: "how many there are, and no rows" },
} as const satisfies Record<string, Parameter>;

export interface ListValues {
  readonly _count: number;
  readonly _start: string | undefined;
  readonly _ops: readonly string[] | undefined;
  readonly _sort: string | undefined;
  readonly _desc: boolean;
  readonly _select: readonly string[] | undefined;
  readonly _total: boolean;
}

const operators: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["eq", "ne", "gt", "ge", "lt", "le", "begins_with", "contains"].map((name) => [name, `$${name}`])),
  "=": "$eq",
  "==": "$eq",
  "!=": "$ne",
  "<>": "$ne",
  ">": "$gt",
  ">=": "$ge",
  "<": "$lt",
  "<=": "$le",
};

/** Columns that no filter, sort or selection of accounts may name. */
export const isHidden = ({ secure, hidden, admin }: ColumnDefinition): boolean => secure === true || hidden === true || admin === true;

/**
 * The filter of the given columns, compared as `_ops` says.
 *
 * @throws BkError `invalid` for an operator that there is not, or a column that is not given
 */
export function filterOf(columns: Readonly<Row>, ops: readonly string[] = []): Row {
  const filter: Row = { ...columns };
  if (ops.length % 2 === 1) throw invalid("_ops is a list of column,operator pairs", "_ops");
  for (let i = 0; i < ops.length; i += 2) {
    const [column, name] = [ops[i]!, ops[i + 1]!];
    const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
    if (operator === undefined) throw invalid(`_ops: there is no operator ${JSON.stringify(name.slice(0, 20))}`, "_ops");
    if (!Object.hasOwn(columns, column)) throw invalid(`_ops: ${JSON.stringify(column.slice(0, 50))} is not given`, "_ops");
    filter[column] = { [operator]: columns[column] };
  }
  return filter;
}

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
