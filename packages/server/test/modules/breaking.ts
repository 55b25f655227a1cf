// A database whose calls end after some of them, as when a process is killed.

import { BkError } from "@bk/core";
import type { ModuleDb } from "@bk/modules";

/** @param isAlone  the engine writes one row at a time */
export function breaking(db: ModuleDb, isAlone: boolean): { readonly db: ModuleDb; breakAfter(calls: number): void } {
  let left = Infinity;
  const writes = new Set(["add", "put", "update", "incr", "del"]);
  const wrap = <T extends object>(inner: T): T =>
    new Proxy(inner, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
        if (name === "capabilities" && isAlone) return () => ({ transactions: "none" });
        if (name === "transaction")
          return (work: (tx: object) => unknown) => (target as unknown as ModuleDb).transaction(async (tx) => work(wrap(tx)));
        if (!writes.has(String(name))) return method.bind(target);
        return (...args: unknown[]) => {
          if (left-- <= 0) throw new BkError("timeout", "killed", { outcome: "unknown" });
          return method.apply(target, args);
        };
      },
    });
  return { db: wrap(db), breakAfter: (calls) => (left = calls) };
}
