// The Riak driver: the engine of ordered key-value stores over objects with secondary indexes. README.md says how rows are
// kept. No Riak was at hand to try it on.

import { readOptions, string, systemClock } from "@bk/core";

import type { Driver, DriverOptions } from "../../driver.js";
import { DbError } from "../../errors.js";
import { httpClient } from "../../engines/http.js";
import { type KvCommand, kvDriver } from "../../engines/kv/engine.js";
import { kvStoreByRow } from "../../engines/kv/row-store.js";
import type { Table } from "../../schema/table.js";
import { classifyRiak, RiakError } from "./errors.js";
import type { Content } from "./objects.js";
import { riakOptions } from "./options.js";
import { riakStore } from "./store.js";

const columnName = string("the name of a column", (text) => text !== "");

/**
 * Riak KV 2 and later (`riak:`, `riaks:` with TLS), by HTTP. It needs no client.
 *
 * @throws DbError `invalid` naming the field for a wrong URL or option
 */
export async function riakDriver(options: DriverOptions): Promise<Driver<KvCommand>> {
  const settings = riakOptions(options);
  const authorization = settings.username === undefined ? {} : { authorization: basic(settings.username, settings.password ?? "") };
  const http = httpClient({ base: settings.base, headers: authorization, mostAtOnce: settings.maxConnections });
  const winners = new Map<string, string>();
  const store = riakStore(http, {
    prefix: settings.prefix,
    bucketType: settings.bucketType,
    clock: systemClock,
    choose: (table, siblings) => chooseSibling(siblings, winners.get(table)),
  });
  const driver = kvDriver("riak", kvStoreByRow(store), {
    clock: options.clock,
    classify: classifyRiak,
    capabilities: {
      group: { put: { most: 100, outcome: "each" } },
      // An index is asked of one copy of each part of the key space, which may be a little behind.
      sees: { get: "always", select: "late", index: "late" },
      limits: { tests: 400, keyBytes: 2_100, indexBytes: 1_000, rowBytes: 5_000_000 },
    },
  });
  return {
    ...driver,
    endpoint: { system: "riak", address: settings.host, port: settings.port },
    checkBag: (bag, of, fail) => void readOptions(bag, of === "table" ? { winner: columnName } : {}, fail),
    compile(shape) {
      noteWinner(shape.table, winners);
      const command = driver.compile(shape);
      if (shape.verb !== "define" || shape.step.kind !== "table") return command;
      const { name } = shape.table;
      const places = [name, `${name}/_schema`];
      return {
        ...command,
        run: async (values, signal) => {
          for (const place of places) await store.makeBucket(place, signal);
          return command.run(values, signal);
        },
      };
    },
    async native(command, signal) {
      const { method, path, body } = nativeRequest(command);
      const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
      const reply = await http.send({ method, path, ...content }, signal);
      if (reply.status >= 400) throw new RiakError(reply);
      return reply.text;
    },
  };
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Notes the column that decides between siblings of a table. */
function noteWinner(table: Table, winners: Map<string, string>): void {
  const winner = table.settings.drivers?.["riak"]?.["winner"] as string | undefined;
  if (winner === undefined) return;
  if (!table.columns.some(({ name }) => name === winner))
    throw new DbError("invalid", `riak: the setting "winner" of table ${table.name} names no column of it`, {
      table: table.name,
      detail: { field: "winner" },
    });
  winners.set(table.name, winner);
}

/**
 * The sibling that stands: that with the greatest value of the column that the table names, else, and among equals, the one
 * that was written last. A removal has no value.
 */
export function chooseSibling(siblings: readonly Content[], column: string | undefined): Content {
  const ranked = siblings.map((content) => ({ content, value: column === undefined ? undefined : valueIn(content, column) }));
  ranked.sort((a, b) => compareValues(b.value, a.value) || b.content.at - a.content.at || (b.content.write < a.content.write ? -1 : 1));
  return ranked[0]!.content;
}

function valueIn({ row }: Content, column: string): string | number | boolean | undefined {
  const value = row === undefined ? undefined : (JSON.parse(row) as Readonly<Record<string, unknown>>)[column];
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

function compareValues(a: string | number | boolean | undefined, b: string | number | boolean | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  return a < b ? -1 : 1;
}

function nativeRequest(command: unknown): { method: string; path: string; body?: unknown } {
  const { method, path, body, ...more } = (typeof command === "object" && command !== null ? command : {}) as Record<string, unknown>;
  if (typeof method !== "string" || typeof path !== "string" || !path.startsWith("/") || Object.keys(more).length > 0)
    throw new DbError("invalid", 'a native command is a request, as { method: "GET", path: "/stats" }', { driver: "riak" });
  return { method, path, body };
}
