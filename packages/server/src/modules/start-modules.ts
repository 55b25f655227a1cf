// Starts the modules of a server, and ends them.

import { BkError } from "@bk/core";
import type { TableDefinitions } from "@bk/db";
import type { BackendModule, ModuleHost, Running } from "@bk/modules";

import { faultFields } from "../fault-fields.js";
import type { HooksOf } from "../hooks/hook-map.js";
import { type EndpointMap, endpointMap } from "./endpoint-map.js";
import { dispatcher, type Dispatching } from "./endpoint-routes.js";

export interface RunningModules {
  readonly endpoints: EndpointMap;
  readonly hooks: readonly HooksOf[];
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

/**
 * Starts modules in order. What fails ends those that were started.
 *
 * @param dispatchedBy  what endpoints are dispatched by, once the server is made
 */
export async function startModules(
  modules: readonly BackendModule[],
  lend: Omit<ModuleHost, "modules" | "tables" | "dispatch">,
  dispatchedBy: () => Dispatching,
): Promise<RunningModules> {
  const running: Running[] = [];
  const host: ModuleHost = {
    ...lend,
    tables: Object.assign({}, ...modules.map(({ tables }) => tables)) as TableDefinitions,
    modules: () => running,
    dispatch: dispatcher(dispatchedBy),
  };
  const close = async (): Promise<void> => {
    for (const module of running.toReversed())
      await module.close?.().catch((error: unknown) => lend.log.error(`module ${module.name} did not end cleanly`, faultFields(error)));
  };
  try {
    for (const module of modules) running.push(await module.start(host));
    const served = running.map(({ name, endpoints }, i) => ({ name, endpoints, tables: modules[i]!.tables }));
    const hooks = running.map(({ name, hooks: own = [] }) => ({ owner: name, hooks: own }));
    const endpoints = endpointMap(served);
    for (const module of running) module.begin?.();
    const drain = (): void => {
      for (const module of running) module.drain?.();
    };
    return { endpoints, hooks, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function wrong(what: string): BkError {
  return new BkError("invalid", `modules: ${what}`, { detail: { field: "modules" } });
}
