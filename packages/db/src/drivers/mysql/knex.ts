import type { KnexAccess, KnexConnection, Value } from "../../driver.js";
import type { Lent } from "./connections.js";
import { errorNumber, isFatal, nativeError } from "./errors.js";

export function knexAccess(lend: () => Promise<Lent>): KnexAccess {
  return { client: "mysql2", lend: async () => connectionOf(await lend()), errorOf: nativeError, stored };
}

function connectionOf(lent: Lent): KnexConnection {
  let isBroken = false;
  return {
    async run(work) {
      try {
        return await lent.hold(work);
      } catch (error) {
        // MySQL says "interrupted" (1317) of a statement whose connection it ends.
        isBroken ||= isFatal(error) || errorNumber(error) === 1317;
        throw error;
      }
    },
    async release(mayBeOpen) {
      try {
        if (mayBeOpen && !isBroken) await lent.say("ROLLBACK");
      } catch (error) {
        isBroken = true;
        throw error;
      } finally {
        lent.release(isBroken);
      }
    },
  };
}

/** MySQL before 8.0.17 keeps texts as bytes. */
function stored(value: unknown, { kind }: { readonly kind: string }): Value {
  if (kind !== "blob" && value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
  return value as Value;
}
