// Connections where the engine writes one row at a time. What is to be done to a connection is noted as a task first; the connection
// holds the task's token until it is done, so that nobody else changes it meanwhile; and each row is written so that writing it again
// changes nothing. Whoever is interrupted leaves a task behind, which is carried on once its time is over.

import { BkError, type Clock, type Log } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

import { codeOf, hasCode } from "../common/failures.js";
import { bothOf, type CallerDb } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import { countsOf, type EdgeKey, type EdgeStore, keyOf, mirrorOf, type NewEdge, refuseOthers, replacementOf, rowOf } from "./edges.js";

export interface NotedEdgesOptions {
  readonly db: ModuleDb;
  readonly clock: Clock;
  readonly log: Log;
  /** The columns of `bk_connection`. */
  readonly columns: ColumnDefinitions;
  /** The names of the counters that there are. */
  readonly counters: ReadonlySet<string>;
}

export interface NotedEdges extends EdgeStore {
  /** Carries on what was interrupted. @returns  how many tasks were ended */
  repair(): Promise<number>;
}

/** How long a task belongs to who began it. A single call of the database takes less. */
export const leaseMs = 60_000;
/** How long somebody waits for a connection that another one changes. */
const patienceMs = 10_000;
/** Tasks lie in several partitions, so that not all writers meet in one. */
const shards = 8;

type Verb = "add" | "change" | "remove";

interface Task extends EdgeKey {
  readonly token: string;
  readonly verb: Verb;
  readonly until: number;
  readonly counted: boolean;
}

export function notedEdges({ db, clock, log, columns, counters }: NotedEdgesOptions): NotedEdges {
  const table = "bk_connection";

  async function begin(verb: Verb, key: EdgeKey): Promise<Task> {
    const token = [...clock.randomBytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const task: Task = { ...(keyOf(key) as unknown as EdgeKey), token, verb, until: clock.now() + leaseMs, counted: false };
    await db.add("bk_connection_task", { shard: shardOf(token), ...task });
    return task;
  }

  const end = async ({ token }: Task): Promise<void> => void (await db.del("bk_connection_task", { shard: shardOf(token), token }));

  /** Nobody may go on whose time is over: somebody else does. */
  function check({ until }: Task): void {
    if (clock.now() >= until)
      throw new BkError("timeout", "the database took too long to change a connection, which will be carried on", { outcome: "unknown" });
  }

  /** Writes to the connection, if it is there, and holds it for the task. */
  async function hold(mine: CallerDb, task: Task, changes: Row, options: Row = {}): Promise<Row | undefined> {
    const key = keyOf(task);
    for (const patience = clock.now() + patienceMs; ;) {
      check(task);
      const { affected, row } = await write(mine, changes, options, task);
      if (affected > 0) return row;
      const there = await mine.get(table, key, { whole: true });
      if (there === undefined) return undefined;
      if (!mine.fits(task.verb === "remove" ? "del" : "update", table, there)) return undefined;
      const holder = there["token"] as string | null;
      if (holder !== null && !(await takeOver(holder)) && clock.now() >= patience)
        throw new BkError("limited", "another change of this connection has not ended; try again", { detail: { retryAfterMs: leaseMs } });
    }
  }

  async function write(mine: CallerDb, changes: Row, { verb = "update", ...options }: Row, task: Task): ReturnType<ModuleDb["update"]> {
    const row = { ...changes, ...keyOf(task), token: task.token };
    const guarded = { ...options, where: { token: null }, returning: "new" };
    // That it is being removed is the first step of removing it.
    if (task.verb === "remove") return db.update(table, row, { ...guarded, where: bothOf(guarded.where, mine.guard("del", table)) });
    if (verb === "update") return mine.update(table, row, { ...guarded, whole: true });
    try {
      return await mine.incr(table, row, { ...guarded, mustMatch: true, whole: true });
    } catch (error) {
      if (hasCode(error, "not-found") || hasCode(error, "condition-failed")) return { affected: 0 };
      throw error;
    }
  }

  /** Carries a task of somebody else on, if its time is over; else waits a little. @returns  whether the connection is free */
  async function takeOver(token: string): Promise<boolean> {
    const row = await db.get("bk_connection_task", { shard: shardOf(token), token });
    if (row !== undefined && (row["until"] as number) < clock.now()) return carryOn(taskOf(row));
    await clock.sleep(5 + Math.floor(20 * clock.random()));
    return false;
  }

  async function carryOn(task: Task): Promise<boolean> {
    const until = clock.now() + leaseMs;
    const key = { shard: shardOf(task.token), token: task.token };
    if ((await db.update("bk_connection_task", { ...key, until }, { where: { until: task.until } })).affected === 0) return false;
    await finish({ ...task, until });
    return true;
  }

  /** Does what is left of a task, from what the connection says. */
  async function finish(task: Task): Promise<void> {
    const row = await db.get(table, keyOf(task));
    // It has been done to the end, or was never begun.
    if (row?.["token"] === task.token) await finishRow(task, row);
    await end(task);
  }

  async function finishRow(task: Task, row: Row): Promise<void> {
    const { verb, token } = task;
    const mirror = mirrorOf(row);
    check(task);
    if (verb !== "remove") await db.put("bk_reference", mirror);
    else await db.del("bk_reference", { id: mirror["id"], type: mirror["type"], peer: mirror["peer"] });
    if (verb !== "change") await countOnce(task, row);
    check(task);
    const held = { where: { token } };
    if (verb === "remove") await db.del(table, keyOf(task), held);
    else await db.update(table, { ...keyOf(task), token: null }, held);
  }

  /** A counter that has the token in `applied` has been changed. The tokens go once the task says that both have been. */
  async function countOnce(task: Task, row: Row): Promise<void> {
    const { token, verb } = task;
    const counts = countsOf(row);
    if (counts.length === 0) return;
    if (!task.counted) {
      const by = verb === "add" ? 1 : -1;
      for (const { id, counter } of counts) {
        check(task);
        const once = { where: { $not: { applied: { $contains: token } } }, ops: { [counter]: "incr", applied: "add" } };
        // Counters of an account that is gone are not made again.
        await db.update("bk_counter", { id, [counter]: by, applied: [token] }, { ...once, upsert: by > 0 });
      }
      check(task);
      await db.update("bk_connection_task", { shard: shardOf(token), token, counted: true });
    }
    for (const { id } of counts) {
      check(task);
      await db.update("bk_counter", { id, applied: [token] }, { ops: { applied: "del" } });
    }
  }

  async function add(mine: CallerDb, edge: NewEdge): Promise<void> {
    const task = await begin("add", edge);
    try {
      check(task);
      await mine.add(table, { ...rowOf(edge, counters), token: task.token });
    } catch (error) {
      if (error instanceof BkError && error.outcome === "none") await end(task);
      throw hasCode(error, "already-exists") ? new BkError("already-exists", "this connection exists already") : error;
    }
    await finish(task);
  }

  /** Changes a connection that is there. */
  async function change(mine: CallerDb, key: EdgeKey, changes: Row, options?: Row): Promise<boolean> {
    return heldToTheEnd(mine, await begin("change", key), changes, options);
  }

  async function heldToTheEnd(mine: CallerDb, task: Task, changes: Row, options?: Row): Promise<boolean> {
    let row: Row | undefined;
    try {
      row = await hold(mine, task, changes, options);
    } catch (error) {
      if (error instanceof BkError && error.outcome === "none") await end(task);
      throw error;
    }
    if (row === undefined) await end(task);
    else await finish(task);
    return row !== undefined;
  }

  return {
    present: { ending: null },
    add,

    async put(mine, edge) {
      for (;;) {
        const there = await db.get(table, keyOf(edge));
        refuseOthers(mine, there);
        if (there !== undefined && (await change(mine, edge, replacementOf(edge, columns)))) return;
        try {
          return await add(mine, edge);
        } catch (error) {
          // Somebody made it meanwhile: then there is one to change.
          if (!hasCode(error, "already-exists")) throw error;
        }
      }
    },

    update: (mine, key, changes) => change(mine, key, changes),
    incr: (mine, key, changes) => change(mine, key, changes, { verb: "incr" }),

    async remove(mine, key) {
      const row = await mine.get(table, keyOf(key), { whole: true });
      if (row === undefined || row["ending"] === true) return false;
      return heldToTheEnd(mine, await begin("remove", key), { ending: true });
    },

    async repair() {
      let ended = 0;
      for (let shard = 0; shard < shards; shard++)
        for await (const row of db.scan("bk_connection_task", { shard, until: { $lt: clock.now() } })) {
          try {
            if (await carryOn(taskOf(row))) ended++;
          } catch (error) {
            log.warn("a change of a connection could not be carried on", { code: codeOf(error) });
          }
        }
      return ended;
    },
  };
}

const shardOf = (token: string): number => Number.parseInt(token.slice(0, 2), 16) % shards;

function taskOf({ token, verb, until, id, type, peer, counted }: Row): Task {
  return { token, verb, until, id, type, peer, counted: counted === true } as Task;
}
