// Starts the modules of a server, and ends them.

import { BkError } from "@bk/core";
import type { TableDefinitions } from "@bk/db";
import type { BackendModule, ModuleHost, Running } from "@bk/modules";

import { faultFields } from "../fault-fields.js";
import type { HooksOf } from "../hooks/hook-map.js";
import { type EndpointMap, endpointMap } from "./endpoint-map.js";
import { dispatcher, type Dispatching } from "./endpoint-routes.js";
import type { SharedHost } from "./host.js";
import { inTime } from "../in-time.js";
import type { RunningJobs } from "./module-jobs.js";

export interface RunningModules {
  readonly endpoints: EndpointMap;
  readonly hooks: readonly HooksOf[];
  /** Undefined where there are no modules. */
  readonly jobs: RunningJobs | undefined;
  /** The server begins to stop: what waits is answered. */
  drain(): void;
  /** Ends all of them, the last that was started first. */
  close(): Promise<void>;
}

/**
 * The tables of modules.
 *
 * @throws BkError `invalid` for two modules of one name, a module that needs another one which is not there, or a table of one that
 *   another one or the app has
 */
export function tablesOfModules(modules: readonly BackendModule[], others: TableDefinitions): TableDefinitions {
  const tables: Record<string, TableDefinitions[string]> = {};
  const names = new Set<string>();
  for (const { name, tables: own } of modules) {
    if (names.has(name)) throw wrong(`${name} is given twice`);
    names.add(name);
    for (const [table, definition] of Object.entries(own)) {
      if (Object.hasOwn(tables, table) || Object.hasOwn(others, table))
        throw wrong(`table ${table} of ${name} is another one's too; choose another name`);
      tables[table] = definition;
    }
  }
  for (const { name, needs = [] } of modules)
    for (const other of needs) if (!names.has(other)) throw wrong(`${name} needs the module ${other}`);
  return tables;
}

export interface Starting {
  /** What a module alone is lent. */
  readonly own: (module: BackendModule) => Pick<ModuleHost, "config" | "jobs">;
  /** What endpoints are dispatched by, once the server is made. */
  readonly dispatchedBy: () => Dispatching;
  readonly jobs: RunningJobs;
  /** How long one may take to end; the next one is ended then. */
  readonly closeMs: number;
}

/** Starts modules in order. What fails ends those that were started. */
export async function startModules(modules: readonly BackendModule[], lend: SharedHost, starting: Starting): Promise<RunningModules> {
  const { own, dispatchedBy, jobs, closeMs } = starting;
  const running: Running[] = [];
  const host = {
    ...lend,
    tables: Object.assign({}, ...modules.map(({ tables }) => tables)) as TableDefinitions,
    modules: () => running,
    dispatch: dispatcher(dispatchedBy),
  };
  const close = async (): Promise<void> => {
    for (const module of running.toReversed())
      await inTime(module.close?.(), closeMs).catch((error: unknown) =>
        lend.log.error(`module ${module.name} did not end cleanly`, faultFields(error)),
      );
  };
  try {
    for (const module of modules) running.push(await module.start({ ...host, ...own(module) }));
    const served = running.map(({ name, endpoints }, i) => ({ name, endpoints, tables: modules[i]!.tables }));
    const hooks = running.map(({ name, hooks: own = [] }) => ({ owner: name, hooks: own }));
    const endpoints = endpointMap(served);
    jobs.know(running);
    for (const module of running) module.begin?.();
    const drain = (): void => {
      for (const module of running) module.drain?.();
    };
    return { endpoints, hooks, jobs, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function wrong(what: string): BkError {
  return new BkError("invalid", `modules: ${what}`, { detail: { field: "modules" } });
}
