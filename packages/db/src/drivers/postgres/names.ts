import { nodeModule } from "@bk/core";

/** PostgreSQL cuts names after 63 bytes: two long ones could become one, and the second thing would never be made. */
export function shortName(name: string): string {
  return name.length <= 63
    ? name
    : `${name.slice(0, 52)}_${nodeModule("node:crypto").createHash("sha256").update(name).digest("hex").slice(0, 10)}`;
}
