import type { MemberReply, Reply, Values } from "../../driver.js";
import type { Engine } from "./engine.js";

/** A compiled shape: its statements, and how to carry them out. */
export interface CassandraCommand {
  /** The statements in their order; of several, the later ones are sent where the earlier ones do not suffice. */
  describe(): readonly string[];
  run(engine: Engine, values: Values): Promise<Reply>;
  runGroup?(engine: Engine, group: readonly Values[]): Promise<readonly MemberReply[]>;
}

export const nothingDone: Reply = Object.freeze({ rows: [], affected: 0 });
export const oneDone: Reply = Object.freeze({ rows: [], affected: 1 });

/** Attempts of a write that is decided by a row which others change meanwhile. */
const mostAttempts = 100;

/** Repeats `attempt` while it gives undefined; undefined when it never gave anything else. */
export async function untilDecided<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let i = 0; i < mostAttempts; i++) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  return undefined;
}
