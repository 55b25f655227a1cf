import type { MemberReply, Reply, Values } from "../../driver.js";
import type { Engine } from "./engine.js";

/** A compiled shape: the fixed parts of its requests, and how to carry it out. */
export interface DynamoCommand {
  /** The request in words, with `{ slot }` where a value goes. */
  describe(): unknown;
  run(engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply>;
  runGroup?(engine: Engine, group: readonly Values[], signal?: AbortSignal): Promise<readonly MemberReply[]>;
}

export const noRows: Reply = Object.freeze({ rows: [], affected: 0 });

/** One row was changed; with the row that the call asked for. */
export function replyWith(row: Values | undefined): Reply {
  return row === undefined ? oneDone : { rows: [row], affected: 1 };
}

const oneDone: Reply = Object.freeze({ rows: [], affected: 1 });

export function pick(slots: readonly number[], values: Values): Values {
  return slots.map((slot) => values[slot] ?? null);
}
