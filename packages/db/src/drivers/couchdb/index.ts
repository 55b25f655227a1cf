// The CouchDB driver: the engine of ordered key-value stores over documents. README.md says how rows are kept.

import type { Driver, DriverOptions } from "../../driver.js";
import { httpClient } from "../../engines/http.js";
import { type KvCommand, kvDriver } from "../../engines/kv/engine.js";
import { kvStoreByRow } from "../../engines/kv/row-store.js";
import { DbError } from "../../errors.js";
import { classifyCouch, errorOf } from "./errors.js";
import { authorizationOf, couchOptions } from "./options.js";
import { couchStore } from "./store.js";

/**
 * CouchDB 3 (`couchdb:`, `couchdbs:` with TLS), by HTTP. It needs no client.
 *
 * @throws DbError `invalid` naming the field for a wrong URL or option
 */
export async function couchdbDriver(options: DriverOptions): Promise<Driver<KvCommand>> {
  const settings = couchOptions(options);
  const http = httpClient({
    base: settings.base,
    headers: { accept: "application/json", ...authorizationOf(settings) },
    mostAtOnce: settings.maxConnections,
  });
  const path = `/${encodeURIComponent(settings.database)}`;
  const store = couchStore(http, settings.database);
  const driver = kvDriver("couchdb", kvStoreByRow(store), {
    clock: options.clock,
    classify: classifyCouch,
    capabilities: {
      group: { get: { most: 1000, outcome: "whole" }, put: { most: 500, bytes: 2_000_000, outcome: "each" } },
      // Of a document; `max_document_size` of CouchDB 3 unless it was changed.
      limits: { tests: 400, rowBytes: 8_000_000 },
    },
  });
  return {
    ...driver,
    endpoint: { system: "couchdb", namespace: settings.database, address: settings.host, port: settings.port },
    classify(error, phase) {
      const meaning = classifyCouch(error);
      // Connecting is a read.
      return meaning && phase === "connect" ? { ...meaning, outcome: "none" } : meaning;
    },
    compile(shape) {
      const command = driver.compile(shape);
      if (shape.verb !== "define" || shape.step.kind !== "table") return command;
      return { ...command, run: async (values, signal) => (await store.makeDatabase(signal), command.run(values, signal)) };
    },
    async connect(signal) {
      const reply = await http.send({ method: "GET", path, isRead: true }, signal);
      if (reply.status >= 400 && reply.status !== 404) throw errorOf(reply);
      const { cluster } = JSON.parse(reply.text) as { readonly cluster?: { readonly n?: number } };
      // Of several copies of a document any one may answer a query, also one that is a little behind.
      const isLate = (cluster?.n ?? 1) > 1;
      return {
        server: String(reply.headers["server"] ?? "CouchDB"),
        ...(isLate ? { capabilities: { sees: { get: "always", select: "late", index: "late" } } } : {}),
      };
    },
    async native(command, signal) {
      const { method, path: own, body } = nativeRequest(command);
      const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
      const reply = await http.send({ method, path: `${path}/${own}`, ...content }, signal);
      if (reply.status >= 400) throw errorOf(reply);
      return JSON.parse(reply.text) as unknown;
    },
  };
}

function nativeRequest(command: unknown): { method: string; path: string; body?: unknown } {
  const { method, path, body, ...more } = (typeof command === "object" && command !== null ? command : {}) as Record<string, unknown>;
  if (typeof method !== "string" || typeof path !== "string" || path.startsWith("/") || Object.keys(more).length > 0)
    throw new DbError("invalid", 'a native command is a request below the database, as { method: "POST", path: "_find", body: { … } }', {
      driver: "couchdb",
    });
  return { method, path, body };
}
