import type { KnexAccess, Value } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Connections } from "./connections.js";
import { nativeError, sqlState } from "./errors.js";

export function knexAccess(pool: Connections): KnexAccess {
  return {
    client: "pg",
    async lend() {
      const connection = await pool.lend();
      return {
        connection: connection.client,
        async release() {
          try {
            if (connection.isInTransaction && !connection.broken) await connection.query("ROLLBACK", []);
          } finally {
            pool.giveBack(connection);
          }
        },
      };
    },
    errorOf,
    stored,
  };
}

function errorOf(error: unknown): unknown {
  const isLost = error instanceof Error && (error.message.startsWith("Connection terminated") || isOfSystem(error));
  if (!isLost) return nativeError(error);
  return new DbError("unavailable", "the connection was lost before the answer came", { outcome: "unknown", cause: error });
}

function isOfSystem(error: Error): boolean {
  return "syscall" in error && sqlState(error) === undefined;
}

/** The text of the protocol again, which `pg` has made a value of. */
function stored(value: unknown, { kind }: { readonly kind: string }): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" && kind === "bool") return value ? "t" : "f";
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (kind === "json" || kind === "list") return JSON.stringify(value);
  return typeof value === "string" ? value : String(value as number);
}
