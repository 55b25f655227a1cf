// A server as MongoDB is: whatever it refuses ends the transaction in which it was asked.

import type { Driver, DriverOptions } from "@bk/db";

import type { Session, SessionMark } from "../../../src/driver.js";
import { memoryDriver } from "../../../src/drivers/memory/index.js";
import type { MemoryCommand } from "../../../src/drivers/memory/compile.js";

/** What the server says of commands that come after a refusal. The core sends none. */
export class NoSuchTransaction extends Error {}

/** @param savepoints  the server can be taken back to a mark, also when it has refused something since */
export async function endsRefusedDriver(options: DriverOptions, savepoints = false): Promise<Driver<MemoryCommand>> {
  const memory = await memoryDriver(options, { capabilities: { afterRefusal: "ends", savepoints } });
  return { ...memory, name: "ends-refused", begin: async (begun) => ending(await memory.begin!(begun), savepoints) };
}

function ending(session: Session<MemoryCommand>, savepoints: boolean): Session<MemoryCommand> {
  let hasEnded = false;
  const check = (): void => {
    if (hasEnded) throw new NoSuchTransaction("no such transaction");
  };
  return {
    async execute(command, values, signal) {
      check();
      try {
        return await session.execute(command, values, signal);
      } catch (error) {
        hasEnded = true;
        throw error;
      }
    },
    ...(savepoints
      ? {
          async mark(): Promise<SessionMark> {
            check();
            const mark = await session.mark!();
            return {
              async keep() {
                check();
                await mark.keep();
              },
              async undo() {
                hasEnded = false;
                await mark.undo();
              },
            };
          },
        }
      : {}),
    async commit() {
      check();
      await session.commit();
    },
    rollback: () => session.rollback(),
  };
}
