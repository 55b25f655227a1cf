// What an account may do with the rows of a table by one verb: rows, and the columns of each.

import type { RowFilter } from "@bk/db";

import { type ColumnSet, covers, intersectionOf, noColumns, unionOf } from "./column-set.js";
import { allOf, anyOf, conjuncts, equalities, type Filter, isWithin } from "./condition.js";

/** Rows that something may be done with, and the columns of these. */
export interface Grant {
  /** `true`: every row. */
  readonly rows: Filter | true;
  readonly columns: ColumnSet;
  /** Columns that must hold a field of the account. */
  readonly ofAccount: ReadonlySet<string>;
}

/** Makes a filter of the table a function on its rows. */
export type MakeFilter = (filter: Filter) => RowFilter;

const everyRow: RowFilter = () => true;

/** What may be done by one verb. */
export class Grants {
  readonly grants: readonly Grant[];
  /** The rows of any of them; `undefined`: every row. */
  readonly where: Filter | undefined;
  /** The columns that are allowed in some row. */
  readonly some: ColumnSet;
  /** The columns that are allowed in every row. */
  readonly every: ColumnSet;
  /** Columns that hold the same value in each of the rows, with it. */
  readonly fixed: ReadonlyMap<string, unknown>;
  /** Columns that hold a field of the account in each of the rows. */
  readonly ofAccount: ReadonlySet<string>;
  /** Columns that say which columns are allowed in a row. */
  readonly deciding: readonly string[];
  /** Columns that hold a field of the account in the rows of some grant, with it. */
  readonly own: ReadonlyMap<string, unknown>;
  readonly #makeFilter: MakeFilter;
  readonly #narrowed = new Map<Grant, Grants>();
  #filters: readonly { readonly fits: RowFilter; readonly columns: ColumnSet }[] | undefined;

  private constructor(grants: readonly Grant[], makeFilter: MakeFilter) {
    const rows = anyOf(grants.map((grant) => grant.rows));
    this.grants = grants;
    this.where = typeof rows === "boolean" ? undefined : rows;
    this.some = unionOf(grants.map(({ columns }) => columns));
    this.every = intersectionOf(grants.map(({ columns }) => columns));
    const [first, ...others] = grants.map((grant) => equalities(grant.rows));
    this.fixed = new Map([...first!].filter(([name, value]) => others.every((other) => other.get(name) === value)));
    this.ofAccount = new Set([...this.fixed.keys()].filter((name) => grants.every(({ ofAccount }) => ofAccount.has(name))));
    this.own = new Map(grants.flatMap(({ rows: own, ofAccount }) => [...equalities(own)].filter(([name]) => ofAccount.has(name))));
    this.deciding = grants.length === 1 ? [] : [...new Set(grants.flatMap(({ rows: own }) => columnsIn(own)))];
    this.#makeFilter = makeFilter;
  }

  /** Undefined where nothing is allowed. Of a grant whose rows others allow more of, these are counted in. */
  static of(given: readonly Grant[], makeFilter: MakeFilter): Grants | undefined {
    if (given.length === 0) return undefined;
    if (given.length === 1) return new Grants(given, makeFilter);
    const whole = given.map((grant) => ({
      ...grant,
      columns: unionOf(given.filter((other) => isWithin(grant.rows, other.rows)).map(({ columns }) => columns)),
    }));
    const needed = whole.filter(
      (grant, i) =>
        !whole.some(
          (other, j) =>
            j !== i &&
            isWithin(grant.rows, other.rows) &&
            covers(other.columns, grant.columns) &&
            // Of two that are alike the first is kept.
            (j < i || !(isWithin(other.rows, grant.rows) && covers(grant.columns, other.columns))),
        ),
    );
    return new Grants(needed, makeFilter);
  }

  /** The columns that are allowed in a row, which has those that decide; none where the row is not among the rows. */
  columnsIn(row: Readonly<Record<string, unknown>>): ColumnSet {
    if (this.grants.length === 1) return this.every;
    this.#filters ??= this.grants.map(({ rows, columns }) => ({ fits: rows === true ? everyRow : this.#makeFilter(rows), columns }));
    const fitting = this.#filters.filter(({ fits }) => fits(row));
    return fitting.length === 0 ? noColumns : unionOf(fitting.map(({ columns }) => columns));
  }

  /** Those that allow the columns of a predicate. */
  covering(isCovered: (columns: ColumnSet) => boolean): Grants | undefined {
    const grants = this.grants.filter(({ columns }) => isCovered(columns));
    return grants.length === this.grants.length ? this : Grants.of(grants, this.#makeFilter);
  }

  /** What is allowed of the rows of one grant, for those who ask of these alone: by all values of its columns. */
  askedBy(isAsked: (column: string, value: unknown) => boolean): Grants {
    if (this.grants.length === 1) return this;
    const asked = this.grants.find(({ rows }) => {
      if (rows === true) return false;
      const values = equalities(rows);
      return values.size === conjuncts(rows).length && [...values].every(([name, value]) => isAsked(name, value));
    });
    if (asked === undefined) return this;
    let narrowed = this.#narrowed.get(asked);
    if (narrowed === undefined) this.#narrowed.set(asked, (narrowed = this.within(asked.rows)));
    return narrowed;
  }

  /** What is allowed of the rows among these that fit a filter as well. */
  within(rows: Filter | true): Grants {
    const grants = this.grants.flatMap((grant): Grant[] => {
      const both = isWithin(rows, grant.rows) ? rows : isWithin(grant.rows, rows) ? grant.rows : allOf([rows, grant.rows]);
      return typeof both === "boolean" && !both ? [] : [{ ...grant, rows: both }];
    });
    return Grants.of(grants, this.#makeFilter)!;
  }
}

/** The declared columns that a filter names. */
export function columnsIn(filter: Filter | true): string[] {
  if (filter === true) return [];
  return Object.entries(filter).flatMap(([name, value]) => {
    if (!name.startsWith("$")) return [name];
    return Array.isArray(value) ? (value as Filter[]).flatMap(columnsIn) : columnsIn(value as Filter);
  });
}
