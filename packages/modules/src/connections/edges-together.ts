// Connections where the engine writes rows of several tables at once: each change is one transaction.

import { BkError } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

import { hasCode } from "../common/failures.js";
import type { ModuleCalls, ModuleDb, Row } from "../contract/database.js";
import { countsOf, type EdgeStore, keyOf, mirrorOf, type NewEdge, replacementOf, rowOf } from "./edges.js";

/** Many may connect to one account at once, and change its counter. */
const attempts = 30;

/**
 * @param columns  the columns of `bk_connection`
 * @param counters  the names of the counters that there are
 */
export function edgesTogether(db: ModuleDb, columns: ColumnDefinitions, counters: ReadonlySet<string>): EdgeStore {
  const together = <T>(work: (tx: ModuleCalls) => Promise<T>): Promise<T> => db.transaction(work, { attempts });

  async function make(tx: ModuleCalls, edge: NewEdge): Promise<void> {
    const row = rowOf(edge, counters);
    const { row: made = row } = await tx.add("bk_connection", row, { returning: "new" });
    await tx.put("bk_reference", mirrorOf(made));
    for (const { id, counter } of countsOf(made)) await tx.incr("bk_counter", { id, [counter]: 1 });
  }

  async function mirror(tx: ModuleCalls, { affected, row }: { readonly affected: number; readonly row?: Row }): Promise<boolean> {
    if (affected === 0 || row === undefined) return false;
    await tx.put("bk_reference", mirrorOf(row));
    return true;
  }

  return {
    present: {},

    async add(edge) {
      try {
        await together((tx) => make(tx, edge));
      } catch (error) {
        throw hasCode(error, "already-exists") ? new BkError("already-exists", "this connection exists already") : error;
      }
    },

    async put(edge) {
      for (;;) {
        try {
          return await together(async (tx) => {
            const changes = { ...replacementOf(edge, columns), ...keyOf(edge) };
            if (!(await mirror(tx, await tx.update("bk_connection", changes, { returning: "new" })))) await make(tx, edge);
          });
        } catch (error) {
          // Somebody made it meanwhile: then there is one to change.
          if (!hasCode(error, "already-exists")) throw error;
        }
      }
    },

    update: (key, changes) =>
      together(async (tx) => mirror(tx, await tx.update("bk_connection", { ...changes, ...keyOf(key) }, { returning: "new" }))),

    async incr(key, changes) {
      try {
        return await together(async (tx) =>
          mirror(tx, await tx.incr("bk_connection", { ...changes, ...keyOf(key) }, { returning: "new", mustMatch: true })),
        );
      } catch (error) {
        if (hasCode(error, "not-found")) return false;
        throw error;
      }
    },

    remove: (key) =>
      together(async (tx) => {
        const { affected, row } = await tx.del("bk_connection", keyOf(key), { returning: "old" });
        if (affected === 0 || row === undefined) return false;
        await tx.del("bk_reference", { id: key.peer, type: key.type, peer: key.id });
        // Counters of an account that is gone are not made again.
        for (const { id, counter } of countsOf(row)) await tx.update("bk_counter", { id, [counter]: -1 }, { ops: { [counter]: "incr" } });
        return true;
      }),
  };
}
