// The endpoints of the modules by path.

import { BkError } from "@bk/core";
import type { TableDefinitions } from "@bk/db";
import type { Endpoint } from "@bk/modules";

import { type ServedTable, servedTables } from "../data/served-table.js";

/** An endpoint with what its parameters are read by. */
export interface ServedEndpoint {
  readonly endpoint: Endpoint;
  readonly module: string;
  /** The table whose columns it takes. */
  readonly table: ServedTable | undefined;
}

/** What a path leads to, and the part of the path that its endpoint leaves open. */
export interface Found {
  readonly served: ServedEndpoint;
  readonly rest: string;
}

export interface EndpointMap {
  readonly all: readonly ServedEndpoint[];
  find(path: string): Found | undefined;
}

/** An endpoint can have no path of the server itself. */
const ownPaths = /^\/(ping|openapi\.json|auth|login|logout|data)(\/|$)/;

/** @throws BkError `invalid` for two endpoints of one path, one of the server's own, or a table that the module does not have */
export function endpointMap(
  modules: readonly { readonly name: string; readonly endpoints: readonly Endpoint[]; readonly tables: TableDefinitions }[],
): EndpointMap {
  const exact = new Map<string, ServedEndpoint>();
  const below = new Map<string, ServedEndpoint>();
  for (const { name, endpoints, tables } of modules) {
    const served = servedTables(tables);
    for (const endpoint of endpoints) {
      const { path } = endpoint;
      const isOpen = path.endsWith("/*");
      const key = isOpen ? path.slice(0, -2) : path;
      const map = isOpen ? below : exact;
      if (!/^(\/[A-Za-z0-9_.-]+)+$/.test(key)) throw wrong(name, path, "is no path");
      if (map.has(key)) throw wrong(name, path, `is a path of ${map.get(key)!.module} already`);
      if (ownPaths.test(key)) throw wrong(name, path, "is a path of the server");
      const table = endpoint.columns === undefined ? undefined : served.get(endpoint.columns.table);
      if (endpoint.columns !== undefined && table === undefined)
        throw wrong(name, path, `has columns of ${endpoint.columns.table}, which is no table of the module`);
      map.set(key, { endpoint, module: name, table });
    }
  }
  return {
    all: [...exact.values(), ...below.values()],
    find(path) {
      const served = exact.get(path);
      if (served !== undefined) return { served, rest: "" };
      if (below.size === 0) return undefined;
      for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
        const open = below.get(path.slice(0, at));
        if (open !== undefined) return { served: open, rest: path.slice(at + 1) };
      }
      return undefined;
    },
  };
}

function wrong(module: string, path: string, what: string): BkError {
  return new BkError("invalid", `modules: ${module}: ${path} ${what}`, { detail: { field: "modules" } });
}
