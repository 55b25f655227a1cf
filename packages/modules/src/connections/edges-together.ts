// Connections where the engine writes rows of several tables at once: each change is one transaction.

import { BkError } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

import { hasCode } from "../common/failures.js";
import type { CallerDb } from "../contract/caller-db.js";
import type { ModuleCalls, ModuleDb, Row } from "../contract/database.js";
import { countsOf, type EdgeStore, keyOf, mirrorOf, type NewEdge, refuseOthers, replacementOf, rowOf } from "./edges.js";

/** Many may connect to one account at once, and change its counter. */
const attempts = 30;

/**
 * @param columns  the columns of `bk_connection`
 * @param counters  the names of the counters that there are
 */
export function edgesTogether(db: ModuleDb, columns: ColumnDefinitions, counters: ReadonlySet<string>): EdgeStore {
  const together = <T>(work: (tx: ModuleCalls) => Promise<T>): Promise<T> => db.transaction(work, { attempts });

  // Calls of the caller's database are in the transaction that they are made in.
  async function make(mine: CallerDb, tx: ModuleCalls, edge: NewEdge): Promise<void> {
    const row = rowOf(edge, counters);
    const { row: made = row } = await mine.add("bk_connection", row, { returning: "new", whole: true });
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

    async add(mine, edge) {
      try {
        await together((tx) => make(mine, tx, edge));
      } catch (error) {
        throw hasCode(error, "already-exists") ? new BkError("already-exists", "this connection exists already") : error;
      }
    },

    async put(mine, edge) {
      for (;;) {
        try {
          return await together(async (tx) => {
            const changes = { ...replacementOf(edge, columns), ...keyOf(edge) };
            const changed = await mine.update("bk_connection", changes, { returning: "new", whole: true });
            if (!(await mirror(tx, changed))) await make(mine, tx, edge);
          });
        } catch (error) {
          // Somebody made it meanwhile: then there is one to change.
          if (!hasCode(error, "already-exists")) throw error;
          refuseOthers(mine, await db.get("bk_connection", keyOf(edge)));
        }
      }
    },

    update: (mine, key, changes) =>
      together(async (tx) =>
        mirror(tx, await mine.update("bk_connection", { ...changes, ...keyOf(key) }, { returning: "new", whole: true })),
      ),

    async incr(mine, key, changes) {
      const options = { returning: "new", mustMatch: true, whole: true };
      try {
        return await together(async (tx) => mirror(tx, await mine.incr("bk_connection", { ...changes, ...keyOf(key) }, options)));
      } catch (error) {
        if (hasCode(error, "not-found")) return false;
        throw error;
      }
    },

    remove: (mine, key) =>
      together(async (tx) => {
        const { affected, row } = await mine.del("bk_connection", keyOf(key), { returning: "old", whole: true });
        if (affected === 0 || row === undefined) return false;
        await tx.del("bk_reference", { id: key.peer, type: key.type, peer: key.id });
        // Counters of an account that is gone are not made again.
        for (const { id, counter } of countsOf(row)) await tx.update("bk_counter", { id, [counter]: -1 }, { ops: { [counter]: "incr" } });
        return true;
      }),
  };
}
