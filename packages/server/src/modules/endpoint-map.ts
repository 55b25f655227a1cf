// The endpoints of the modules by path and version.

import { BkError } from "@bk/core";
import type { TableDefinitions } from "@bk/db";
import type { Endpoint } from "@bk/modules";

import { type ServedTable, servedTables } from "../data/served-table.js";
import { badRequest } from "../error-response.js";
import { compareVersions, parseVersion, type Version, versionName } from "../request/version.js";

/** An endpoint with what its parameters are read by. */
export interface ServedEndpoint {
  readonly endpoint: Endpoint;
  readonly module: string;
  /** Undefined for one that is older than every version. */
  readonly version: Version | undefined;
  /** The table whose columns it takes. */
  readonly table: ServedTable | undefined;
  /** The table whose rows it replies, as far as its columns or its path tell: `bk_account` of `/account/get`. */
  readonly rowsOf: ServedTable | undefined;
}

/** What a path leads to, and the part of the path that its endpoint leaves open. */
export interface Found {
  readonly served: ServedEndpoint;
  readonly rest: string;
}

export interface EndpointMap {
  /** All of them, in every version. */
  readonly all: readonly ServedEndpoint[];
  /** The versions that there are, the newest first. */
  readonly versions: readonly Version[];
  /** Those that run where a version is asked for, or none. */
  at(version: Version | undefined): readonly ServedEndpoint[];
  /**
   * The endpoint that runs for a path.
   *
   * @throws HttpError 400 when it has no version that is as old as the one asked for
   */
  find(path: string, version: Version | undefined): Found | undefined;
  /** Whether an endpoint of the path streams, in whichever version. */
  streams(path: string): boolean;
}

/** An endpoint can have no path of the server itself. */
const ownPaths = /^\/(ping|openapi\.json|auth|login|logout|data)(\/|$)/;

/**
 * @throws BkError `invalid` for two endpoints of one path and version, or of one path for different callers, a version that is none, a path of the
 *   server's own, or a table that the module does not have
 */
export function endpointMap(
  modules: readonly { readonly name: string; readonly endpoints: readonly Endpoint[]; readonly tables: TableDefinitions }[],
): EndpointMap {
  /** The endpoints of each path, the newest first. */
  const exact = new Map<string, ServedEndpoint[]>();
  const below = new Map<string, ServedEndpoint[]>();
  for (const { name, endpoints, tables } of modules) {
    const served = servedTables(tables);
    for (const endpoint of endpoints) {
      const { path } = endpoint;
      const isOpen = path.endsWith("/*");
      const key = isOpen ? path.slice(0, -2) : path;
      const map = isOpen ? below : exact;
      if (!/^(\/[A-Za-z0-9_.-]+)+$/.test(key)) throw wrong(name, path, "is no path");
      if (ownPaths.test(key)) throw wrong(name, path, "is a path of the server");
      const table = endpoint.columns === undefined ? undefined : served.get(endpoint.columns.table);
      if (endpoint.columns !== undefined && table === undefined)
        throw wrong(name, path, `has columns of ${endpoint.columns.table}, which is no table of the module`);
      const version = endpoint.version === undefined ? undefined : parseVersion(endpoint.version);
      if (endpoint.version !== undefined && version === undefined)
        throw wrong(name, path, `has ${JSON.stringify(endpoint.version)} as its version, which is none such as 1.2.5 or 2015-01-01`);
      const others = map.get(key) ?? [];
      for (const other of others) {
        if (newestFirst(version, other.version) === 0) throw wrong(name, path, `is a path of ${other.module} already`);
        // Rules are by path.
        if (endpoint.who !== other.endpoint.who) throw wrong(name, path, "has versions for different callers");
      }
      others.push({ endpoint, module: name, version, table, rowsOf: table ?? served.get(`bk_${key.split("/", 2)[1]}`) });
      map.set(
        key,
        others.toSorted((a, b) => newestFirst(a.version, b.version)),
      );
    }
  }
  const paths = [...exact.values(), ...below.values()];
  const all = paths.flat();
  const versions = all.flatMap(({ version }) => version ?? []).toSorted((a, b) => compareVersions(b, a));

  /** What the endpoints of a path are, and what the path has behind it. */
  function pathOf(path: string): { readonly served: readonly ServedEndpoint[]; readonly rest: string } | undefined {
    const served = exact.get(path);
    if (served !== undefined) return { served, rest: "" };
    if (below.size === 0) return undefined;
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const open = below.get(path.slice(0, at));
      if (open !== undefined) return { served: open, rest: path.slice(at + 1) };
    }
    return undefined;
  }

  return {
    all,
    versions: versions.filter((version, i) => i === 0 || compareVersions(version, versions[i - 1]!) !== 0),
    at: (version) => paths.flatMap((served) => versionOf(served, version) ?? []),
    find(path, version) {
      const found = pathOf(path);
      if (found === undefined) return undefined;
      const served = versionOf(found.served, version);
      if (served !== undefined) return { served, rest: found.rest };
      throw badRequest(
        `this path has no version as old as ${version!.text}: the oldest is ${found.served.at(-1)!.version!.text}`,
        versionName,
      );
    },
    streams: (path) => pathOf(path)?.served.some(({ endpoint }) => endpoint.streams === true) === true,
  };
}

/** The one that runs: the newest that is not above what is asked for. */
function versionOf(served: readonly ServedEndpoint[], asked: Version | undefined): ServedEndpoint | undefined {
  return asked === undefined ? served[0] : served.find(({ version }) => version === undefined || compareVersions(version, asked) <= 0);
}

function newestFirst(a: Version | undefined, b: Version | undefined): number {
  if (a !== undefined && b !== undefined) return compareVersions(b, a);
  return Number(a === undefined) - Number(b === undefined);
}

function wrong(module: string, path: string, what: string): BkError {
  return new BkError("invalid", `modules: ${module}: ${path} ${what}`, { detail: { field: "modules" } });
}
