import type { Slot } from "../../reference/condition.js";
import type { Column } from "../../schema/table.js";
import type { SqlStatement } from "./command.js";
import type { SqlDialect } from "./dialect.js";

/** Collects the placeholders of one statement. Text must be made from left to right, as `?` is bound by place. */
export interface SqlWriter {
  readonly dialect: SqlDialect;
  /** The placeholder for a value; `column` is what it is compared with or stored in, if anything. */
  bind(slot: Slot, column: Column | undefined): string;
  /** The same for what a test compares with; hidden from the planner where it decides nothing. */
  bindTested(slot: Slot, column: Column | undefined): string;
  /** The placeholder for a number of rows. */
  bindCount(slot: Slot): string;
  /** Whether the column is compared by `=` for the first time in the statement. */
  equatesFirst(column: Column): boolean;
  /** The placeholder for the full-text query. */
  bindSearch(slot: Slot): string;
  finish(text: string): SqlStatement;
}

/**
 * Starts a statement.
 *
 * @param hides  what tests compare with decides nothing about the plan
 */
export function sqlWriter(dialect: SqlDialect, hides = false): SqlWriter {
  const slots: Slot[] = [];
  const places = new Map<string, number>();
  const equated = new Set<Column>();
  let search = -1;

  function bind(slot: Slot, column: Column | undefined): string {
    // One value that meets columns of two kinds is bound twice: an engine may give each place a type of its own.
    const use = `${slot} ${column === undefined ? "" : dialect.columnType(column, "plain")}`;
    const known = dialect.placeholders === "numbered" ? places.get(use) : undefined;
    if (known !== undefined) return dialect.placeholder(known, column);
    slots.push(slot);
    places.set(use, slots.length);
    return dialect.placeholder(slots.length, column);
  }

  const unseen = (placeholder: string, column: Column | undefined): string => dialect.unseen?.(placeholder, column) ?? placeholder;

  return {
    dialect,
    bind,
    bindTested: (slot, column) => (hides && column !== undefined ? unseen(bind(slot, column), column) : bind(slot, column)),
    bindCount: (slot) => unseen(bind(slot, undefined), undefined),
    equatesFirst(column) {
      const isFirst = !equated.has(column);
      equated.add(column);
      return isFirst;
    },
    bindSearch(slot) {
      slots.push(slot);
      search = slots.length - 1;
      return dialect.placeholder(slots.length, undefined);
    },
    finish: (text) => Object.freeze({ text, slots: Object.freeze(slots), inOrder: slots.every((slot, i) => slot === i), search }),
  };
}
