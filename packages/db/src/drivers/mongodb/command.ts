import type { MemberReply, Reply, Value, Values } from "../../driver.js";
import type { Slot } from "../../reference/condition.js";
import type { Table } from "../../schema/table.js";
import type { Engine } from "./engine.js";

/** A compiled shape: its commands are made of the values of a call, and carried out. */
export interface MongoCommand {
  readonly table: Table;
  /** It reads or makes what the store has of the table, which need not be there. */
  readonly isSchema?: true;
  /** The command in words, with `{ slot }` where a value goes. */
  describe(): unknown;
  run(engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply>;
  runGroup?(engine: Engine, group: readonly Values[], signal?: AbortSignal): Promise<readonly MemberReply[]>;
}

/** Gives what goes into a command for a slot. */
export interface Binder {
  value(slot: Slot, convert: (value: Value) => unknown): unknown;
  isNull(slot: Slot): boolean;
}

export function binderOf(values: Values): Binder {
  return {
    value: (slot, convert) => convert(values[slot] ?? null),
    isNull: (slot) => (values[slot] ?? null) === null,
  };
}

/** Stands for values that are not known yet. */
export const anyValues: Binder = { value: (slot) => ({ slot }), isNull: () => false };

export const noRows: Reply = Object.freeze({ rows: [], affected: 0 });
export const oneDone: Reply = Object.freeze({ rows: [], affected: 1 });

/** One row was changed; with the row that the call asked for. */
export function replyWith(row: Values | undefined): Reply {
  return row === undefined ? oneDone : { rows: [row], affected: 1 };
}
