// What scopes of one form make of a table: conditions for its commands, checks of its rows. Their values go with each call.

import { type ValuesEncoder, valueEncoder } from "../compile/bind.js";
import type { Change, Codec, Value } from "../driver.js";
import type { DbError } from "../errors.js";
import { deniedByScope, mayWrite, type ScopeShape } from "../normalize/scope.js";
import { allOf, always, type Condition, conjuncts, isAlways, never, shifted, testsOf } from "../reference/condition.js";
import { compileMatcher, type Matcher } from "../reference/matches.js";
import type { Column, Table } from "../schema/table.js";

type Values = readonly unknown[];

/** A part of the condition, which changes of its columns may break. */
interface Part {
  readonly columns: ReadonlySet<Column>;
  readonly holds: Matcher;
}

export class BoundScope {
  readonly shape: ScopeShape;
  /** The column that says when a row was deleted, where rows that were are left out. */
  readonly deletedAt: Column | undefined;
  /** Some rows are outside. */
  readonly narrows: boolean;
  readonly #table: Table;
  readonly #holds: Matcher;
  readonly #parts: readonly Part[];
  readonly #encode: ValuesEncoder;
  readonly #visible: Condition;
  readonly #visibleFrom = new Map<number, Condition>();

  constructor(table: Table, shape: ScopeShape, deletedAt: Column | undefined, codec: Codec) {
    const place = (column: Column): number => column.index;
    this.shape = shape;
    this.deletedAt = deletedAt;
    this.narrows = !isAlways(shape.where);
    this.#table = table;
    this.#holds = compileMatcher(shape.where, place);
    this.#parts = conjuncts(shape.where).map((part) => ({
      columns: new Set([...testsOf(part)].map(({ column }) => column)),
      holds: compileMatcher(part, place),
    }));
    this.#encode = valueEncoder(shape.where, shape.width, codec);
    this.#visible =
      deletedAt === undefined ? shape.where : allOf([shape.where, { kind: "test", column: deletedAt, op: "null", slots: [] }]);
  }

  /** Stored values of the condition. */
  encode(values: Values): Value[] {
    return this.#encode(values);
  }

  /** What holds for the rows that there are, with its values from a slot on. */
  visibleFrom(slot: number): Condition {
    let condition = this.#visibleFrom.get(slot);
    if (condition === undefined) this.#visibleFrom.set(slot, (condition = shifted(this.#visible, slot)));
    return condition;
  }

  /** What holds for the rows that a whole row may replace: expired ones apart, those inside, and for `add` deleted ones of them. */
  replaceableFrom(mode: "put" | "add", slot: number): Condition {
    const inside = shifted(this.shape.where, slot);
    if (mode === "put") return inside;
    return this.deletedAt === undefined ? never : allOf([inside, { kind: "test", column: this.deletedAt, op: "not_null", slots: [] }]);
  }

  /** Whether a row is one of those that the scope is about, deleted or not. */
  holds(row: Values, values: Values): boolean {
    return this.#holds(row, values);
  }

  isDeleted(row: Values): boolean {
    return this.deletedAt !== undefined && (row[this.deletedAt.index] ?? null) !== null;
  }

  /** @throws DbError `denied` for a row that would be outside */
  mustHold(row: Values, values: Values): void {
    if (!this.holds(row, values)) throw outside();
  }

  /**
   * Whether changes leave a row that is inside there; undefined: the row itself has to say so.
   *
   * @throws DbError `denied` where they move any row outside
   */
  keeps(changes: readonly Change[], given: Values, values: Values): true | undefined {
    let isCertain = true;
    for (const { columns, holds } of this.#parts) {
      const own = changes.filter(({ column }) => columns.has(column));
      if (own.length === 0) continue;
      if (own.length < columns.size || !own.every(isKnown)) {
        isCertain = false;
        continue;
      }
      const row: unknown[] = [];
      for (const { column, slot } of own) row[column.index] = given[slot!];
      if (!holds(row, values)) throw outside();
    }
    return isCertain ? true : undefined;
  }

  /** Whether changes are of columns that say which rows are inside. */
  isTouchedBy(changes: readonly Change[]): boolean {
    return this.#parts.some(({ columns }) => changes.some(({ column }) => columns.has(column)));
  }

  /** The columns that a `put` replaces in a row that is there; undefined: all of them. */
  get replaced(): readonly Column[] | undefined {
    const { written, fixed } = this.shape;
    if (written === undefined) return undefined;
    return this.#table.columns.filter((column) => !column.isKey && (mayWrite(written, column) || fixed.has(column)));
  }
}

function isKnown({ op, slot, member, from }: Change): boolean {
  return op === "set" && slot !== undefined && member === undefined && from === undefined;
}

/** One error for a row that would be outside and for one that is: the one tells of no other row, the other no more than it must. */
export function outside(): DbError {
  return deniedByScope("the row is outside of the scope, or would be");
}

/** The shape of calls without a scope, on a table whose deleted rows are left out. */
export const everything: ScopeShape = Object.freeze({
  key: "",
  where: always,
  width: 0,
  seen: undefined,
  written: undefined,
  fixed: new Set<Column>(),
});
