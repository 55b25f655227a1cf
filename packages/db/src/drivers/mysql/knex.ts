import type { KnexAccess, KnexConnection, Value } from "../../driver.js";
import type { Lent } from "./connections.js";
import { nativeError } from "./errors.js";

export function knexAccess(lend: () => Promise<Lent>): KnexAccess {
  return { client: "mysql2", lend: async () => connectionOf(await lend()), errorOf: nativeError, stored };
}

function connectionOf(lent: Lent): KnexConnection {
  return {
    connection: lent.client,
    async release(mayBeOpen) {
      let isBroken = true;
      try {
        if (mayBeOpen) await lent.say("ROLLBACK");
        isBroken = false;
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
