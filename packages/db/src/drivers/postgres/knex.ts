import type { KnexAccess, Value } from "../../driver.js";
import type { Connections } from "./connections.js";
import { nativeError } from "./errors.js";

export function knexAccess(pool: Connections): KnexAccess {
  return {
    client: "pg",
    async lend() {
      const connection = await pool.lend();
      return {
        run: (work) => connection.use(work),
        async release() {
          try {
            if (connection.isInTransaction && !connection.broken) await connection.query("ROLLBACK", []);
          } finally {
            pool.giveBack(connection);
          }
        },
      };
    },
    errorOf: nativeError,
    stored,
  };
}

/** The text of the protocol again, which `pg` has made a value of. */
function stored(value: unknown, { kind }: { readonly kind: string }): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" && kind === "bool") return value ? "t" : "f";
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (kind === "json" || kind === "list") return JSON.stringify(value);
  return typeof value === "string" ? value : String(value as number);
}
