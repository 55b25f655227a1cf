import type { MemberReply, Reply, Values } from "../../driver.js";
import type { Engine } from "./engine.js";

/** A compiled shape: how to carry it out. */
export interface ElasticCommand {
  readonly table: string;
  /** The request in words, with `{ slot }` where a value goes. */
  describe(engine: Engine): unknown;
  run(engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply>;
  runGroup?(engine: Engine, group: readonly Values[], signal?: AbortSignal): Promise<readonly MemberReply[]>;
}

export const noRows: Reply = Object.freeze({ rows: [], affected: 0 });
export const oneDone: Reply = Object.freeze({ rows: [], affected: 1 });

export function pick(slots: readonly number[], values: Values): Values {
  return slots.map((slot) => values[slot] ?? null);
}
