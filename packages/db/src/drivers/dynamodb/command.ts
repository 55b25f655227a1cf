import type { Reply, Values } from "../../driver.js";
import type { Engine } from "./engine.js";

/** A compiled shape: the fixed parts of its requests, and how to carry it out. */
export interface DynamoCommand {
  /** The request in words, with `{ slot }` where a value goes. */
  describe(): unknown;
  run(engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply>;
  runGroup?(engine: Engine, group: readonly Values[], signal?: AbortSignal): Promise<readonly Reply[]>;
}

export const noRows: Reply = Object.freeze({ rows: [], affected: 0 });

export function pick(slots: readonly number[], values: Values): Values {
  return slots.map((slot) => values[slot] ?? null);
}
