// Who is connected with whom. A connection is made by one account and leads to another one, which sees it as a reference.

import type { Clock, Log } from "@bk/core";
import type { ColumnDefinitions, TableDefinitions } from "@bk/db";

import { withDetails } from "../common/details.js";
import { codeOf, invalid, notFound } from "../common/failures.js";
import { listOptions, type ListValues } from "../common/lists.js";
import { visible } from "../common/visible.js";
import { type CallerDb, type DbFor, unruled } from "../contract/caller-db.js";
import { type ModuleDb, type Page, type Row, writesTogether } from "../contract/database.js";
import type { Directory } from "../contract/directory.js";
import type { Caller } from "../contract/endpoint.js";
import type { AccountEvents } from "../events/account-events.js";
import { type EdgeKey, type EdgeStore, keyOf, type NewEdge } from "./edges.js";
import { leaseMs, notedEdges } from "./edges-noted.js";
import { edgesTogether } from "./edges-together.js";
import type { ConnectionTables } from "./tables.js";

export type ConnectionVerb = "add" | "put" | "update" | "incr" | "del";

export interface ConnectionServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the tables. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly events: AccountEvents;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  /** The tables, as `connectionTables` gives them. */
  readonly own: ConnectionTables;
  /** All tables that the database has of modules: counters are kept where there is `bk_counter`, details come from `bk_account`. */
  readonly tables: TableDefinitions;
  /** What may be done with connections of a type. Types that are not named here allow everything. */
  readonly allow?: Readonly<Record<string, readonly ConnectionVerb[]>>;
}

/** How a connection is written. */
export interface WriteOptions {
  /** Whether the peer is told. Default true. */
  readonly publish?: boolean;
  /** Whether the peer sees the connection. Default true. */
  readonly reference?: boolean;
  /** Whether it is counted. Default true. */
  readonly count?: boolean;
  /** What the caller calls the peer. Default: the peer's name. */
  readonly alias?: string;
}

/** Connections as their maker has them, or references as the peer has them. */
export type Side = "connection" | "reference";

export interface ConnectionService {
  /**
   * Makes a connection.
   *
   * @throws BkError `invalid`; `not-found` for a peer that does not exist; `already-exists`
   */
  add(caller: Caller, peer: string, type: string, columns: Row, options?: WriteOptions): Promise<void>;
  /** Makes a connection, or replaces its columns. @throws BkError as `add`, without `already-exists` */
  put(caller: Caller, peer: string, type: string, columns: Row, options?: WriteOptions): Promise<void>;
  /** Sets columns. @throws BkError `invalid`; `not-found` */
  update(caller: Caller, peer: string, type: string, columns: Row, options?: WriteOptions): Promise<void>;
  /** Adds to numeric columns. @throws BkError `invalid`; `not-found` */
  incr(caller: Caller, peer: string, type: string, columns: Row, options?: WriteOptions): Promise<void>;
  /** Removes one connection, those of a type, those with a peer, or all. */
  del(caller: Caller, which: { readonly peer?: string | undefined; readonly type?: string | undefined }): Promise<void>;
  /** @throws BkError `not-found` */
  get(caller: Caller, side: Side, peer: string, type: string, details?: boolean): Promise<Row>;
  /** A page by type and peer. */
  select(caller: Caller, side: Side, filter: Row, list: ListValues, details?: boolean): Promise<Page>;
  count(caller: Caller, side: Side, filter: Row): Promise<number>;
  /** The connection that the peer has made to the caller, as the caller may see it. */
  connected(caller: Caller, peer: string, type: string): Promise<Row | undefined>;
  /** Removes what an account has made, and what leads to it. */
  forget(id: string): Promise<void>;
  /** Carries on what was interrupted, where the engine writes one row at a time. @returns  how many changes were carried on */
  repair(): Promise<number>;
  /** Runs `repair` from time to time, where it is needed, until the signal aborts. */
  repairing(signal: AbortSignal): Promise<void>;
}

const nobody: Caller = { id: "", login: "", name: undefined, isAdmin: false, types: [] };
const typePattern = /^[a-z0-9_]{1,32}$/;

export function connectionService(options: ConnectionServiceOptions): ConnectionService {
  const { db, events, directory, clock, log, own, tables, allow = {}, dbFor = unruled(db) } = options;
  /** For what is done for nobody. */
  const all = unruled(db)(nobody);
  const columns = own.bk_connection;
  const counters = counterNames(tables);
  const noted = writesTogether(db) ? undefined : notedEdges({ db, clock, log, columns, counters });
  const edges: EdgeStore = noted ?? edgesTogether(db, columns, counters);

  const isAllowed = (type: string, verb: ConnectionVerb): boolean => !Object.hasOwn(allow, type) || allow[type]!.includes(verb);

  function check(caller: Caller, peer: string, type: string, verb: ConnectionVerb): EdgeKey {
    if (peer === "" || type === "") throw invalid("peer and type are required", peer === "" ? "peer" : "type");
    if (!typePattern.test(type) || !isAllowed(type, verb)) throw invalid("invalid connection type", "type");
    if (peer === caller.id) throw invalid("cannot connect to itself", "peer");
    return { id: caller.id, type, peer };
  }

  async function edgeOf(caller: Caller, key: EdgeKey, given: Row, { reference, count, alias }: WriteOptions): Promise<NewEdge> {
    const person = (await directory.find([key.peer], caller)).get(key.peer);
    if (person === undefined) throw notFound("account not found");
    return {
      ...key,
      name: alias ?? person.name ?? null,
      ownName: caller.name ?? null,
      isSilent: reference === false,
      isCounted: count !== false,
      columns: given,
    };
  }

  async function tell(caller: Caller, { type, peer }: EdgeKey, verb: ConnectionVerb, { publish }: WriteOptions): Promise<void> {
    if (publish === false) return;
    const name = caller.name === undefined ? {} : { name: caller.name };
    await events.publish(
      peer,
      { path: `/connection/${verb}`, mtime: clock.now(), type, id: caller.id, ...name },
      {
        table: "bk_reference",
        key: keyOf({ id: peer, type, peer: caller.id }),
        columns: { type: "type", id: "peer", name: "name" },
      },
    );
  }

  async function change(verb: "update" | "incr", caller: Caller, key: EdgeKey, given: Row, how: WriteOptions): Promise<void> {
    if (Object.keys(given).length === 0 && how.alias === undefined) throw invalid("name at least one column", "status");
    const changes = how.alias === undefined ? given : { ...given, name: how.alias };
    if (!(await edges[verb](dbFor(caller), key, changes))) throw notFound("no connection");
    await tell(caller, key, verb, how);
  }

  const lookAt = (row: Row, side: Side): Row => visible(side === "connection" ? columns : own.bk_reference, row, "owner");
  /** Which rows a side has that are to be seen. */
  const presentOn = (side: Side): Row => (side === "connection" ? edges.present : { silent: false });

  const detailed = (mine: CallerDb, rows: readonly Row[], isWanted: boolean): Promise<readonly Row[]> | readonly Row[] =>
    isWanted ? withDetails(mine, tables, rows, "peer") : rows;

  const service: ConnectionService = {
    async add(caller, peer, type, given, how = {}) {
      const key = check(caller, peer, type, "add");
      await edges.add(dbFor(caller), await edgeOf(caller, key, { ...given }, how));
      await tell(caller, key, "add", how);
    },

    async put(caller, peer, type, given, how = {}) {
      const key = check(caller, peer, type, "put");
      await edges.put(dbFor(caller), await edgeOf(caller, key, { ...given }, how));
      await tell(caller, key, "put", how);
    },

    update: async (caller, peer, type, given, how = {}) => change("update", caller, check(caller, peer, type, "update"), { ...given }, how),

    async incr(caller, peer, type, given, how = {}) {
      const key = check(caller, peer, type, "incr");
      for (const name of Object.keys(given)) if (typeof given[name] !== "number") throw invalid(`${name} is no number to add to`, name);
      await change("incr", caller, key, { ...given }, how);
    },

    async del(caller, { peer, type }) {
      if (type !== undefined && !typePattern.test(type)) throw invalid("invalid connection type", "type");
      if (type !== undefined && !isAllowed(type, "del")) throw invalid("cannot delete connection", "type");
      const mine = dbFor(caller);
      if (type !== undefined && peer !== undefined) return void (await edges.remove(mine, { id: caller.id, type, peer }));
      const filter = { id: caller.id, ...(type === undefined ? {} : { type }), ...(peer === undefined ? {} : { peer }) };
      for await (const row of mine.scan("bk_connection", filter))
        if (isAllowed(row["type"] as string, "del")) await edges.remove(mine, edgeKeyOf(row));
    },

    async get(caller, side, peer, type, details = false) {
      if (peer === "" || type === "") throw invalid("peer and type are required", peer === "" ? "peer" : "type");
      const mine = dbFor(caller);
      const row = await mine.get(`bk_${side}`, keyOf({ id: caller.id, type, peer }));
      if (row === undefined || (side === "connection" ? row["ending"] === true : row["silent"] === true)) throw notFound("no connection");
      return (await detailed(mine, [lookAt(row, side)], details))[0]!;
    },

    async select(caller, side, filter, list, details = false) {
      const where = { ...filter, ...presentOn(side), id: caller.id };
      const mine = dbFor(caller);
      const { rows, next } = await mine.select(`bk_${side}`, where, listOptions(list, columns, details ? ["peer"] : []));
      const shown = await detailed(
        mine,
        rows.map((row) => lookAt(row, side)),
        details,
      );
      return { rows: [...shown], ...(next === undefined ? {} : { next }) };
    },

    count: (caller, side, filter) => dbFor(caller).count(`bk_${side}`, { ...filter, ...presentOn(side), id: caller.id }),

    async connected(caller, peer, type) {
      const mine = dbFor(caller);
      const row = mine.reads("bk_connection") ? await mine.get("bk_connection", keyOf({ id: peer, type, peer: caller.id })) : undefined;
      return row === undefined || row["silent"] === true || row["ending"] === true ? undefined : visible(columns, row, "other");
    },

    async forget(id) {
      for await (const row of db.scan("bk_connection", { id })) await edges.remove(all, edgeKeyOf(row));
      for await (const { type, peer } of db.scan("bk_reference", { id })) {
        await edges.remove(all, { id: peer, type, peer: id } as EdgeKey);
        // Normally it is gone with its connection.
        await db.del("bk_reference", { id, type, peer });
      }
    },

    repair: async () => noted?.repair() ?? 0,

    async repairing(signal) {
      while (noted !== undefined && !signal.aborted) {
        await service.repair().catch((error: unknown) => {
          log.warn("interrupted changes of connections could not be read", { code: codeOf(error) });
        });
        // Only the end of the server ends the wait.
        await clock.sleep(leaseMs, signal).catch(() => undefined);
      }
    },
  };
  return service;
}

const edgeKeyOf = ({ id, type, peer }: Row): EdgeKey => ({ id, type, peer }) as EdgeKey;

/** The counters that the database has, where the module counters runs. */
function counterNames(tables: TableDefinitions): ReadonlySet<string> {
  const counter = (tables["bk_counter"] ?? {}) as ColumnDefinitions;
  return new Set(Object.keys(counter).filter((name) => counter[name]!.type === "counter"));
}
