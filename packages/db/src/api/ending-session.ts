// Interactive transactions of engines that end them when they refuse something (`afterRefusal`), as MongoDB does.

import type { MemberReply, Session, SessionMark, Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { Pool } from "../execute/pool.js";

export interface EndingSession extends Session<unknown> {
  /** @throws what the engine refused: such a transaction does nothing, even if its function caught the error and went on */
  throwIfRefused(): void;
}

/** A session that nothing is sent to any more once the engine has refused something, until a mark before it is undone. */
export function endingSession(pool: Pool, session: Session<unknown>): EndingSession {
  let refusal: DbError | undefined;
  const refused = (error: unknown): never => {
    refusal ??= pool.error(error, { verb: "transaction" });
    throw error;
  };
  const throwIfOver = (): void => {
    if (refusal !== undefined) throw isOver(refusal);
  };
  const throwIfRefused = (): void => {
    if (refusal !== undefined) throw refusal;
  };
  return {
    execute(command, values, signal) {
      throwIfOver();
      try {
        const reply = session.execute(command, values, signal);
        return reply instanceof Promise ? reply.catch(refused) : reply;
      } catch (error) {
        return refused(error);
      }
    },
    ...(session.executeGroup === undefined
      ? {}
      : {
          async executeGroup(command: unknown, group: readonly Values[], signal?: AbortSignal): Promise<readonly MemberReply[]> {
            throwIfOver();
            return session.executeGroup!(command, group, signal).catch(refused);
          },
        }),
    ...(session.mark === undefined
      ? {}
      : {
          async mark(): Promise<SessionMark> {
            throwIfOver();
            const mark = await session.mark!();
            const undo = async (): Promise<void> => {
              await mark.undo();
              refusal = undefined;
            };
            return {
              undo,
              async keep() {
                const kept = refusal;
                if (kept === undefined) return mark.keep();
                await undo();
                throw kept;
              },
            };
          },
        }),
    commit: () => session.commit(),
    rollback: () => session.rollback(),
    throwIfRefused,
  };
}

function isOver(refusal: DbError): DbError {
  const message = `the transaction is over: the engine ends it when it refuses something (capability afterRefusal), and it refused a call before (${refusal.code}); begin another one`;
  return new DbError("closed", message, { cause: refusal, detail: { capability: "afterRefusal" } });
}
