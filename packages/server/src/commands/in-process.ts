// The endpoints of modules for commands: of a server that is made and does not listen, so that they do what they do over HTTP.

import { BkError, consoleLog, systemClock } from "@bk/core";
import type { BackendModule, Call } from "@bk/modules";

import type { JobCalls } from "../modules/module-jobs.js";
import { createServer } from "../server.js";
import { databaseOf, masterKeyOf } from "../settings/home.js";
import { loadTables } from "../settings/load-tables.js";
import type { Configuration } from "../settings/configuration.js";
import { allModules } from "./all-modules.js";
import { namingDatabase } from "./open-database.js";

/** An account that something is done for. */
export interface CommandCaller {
  readonly id: string;
  readonly login: string;
}

export interface InProcess {
  /** Those of modules. */
  readonly jobs: Pick<JobCalls, "jobNames" | "submitJob" | "runJob">;
  /** Whether a module is served. */
  has(name: string): boolean;
  /** Calls an endpoint with the rights of an admin, for an account. @param values  parameters as texts */
  call(path: string, caller: CommandCaller, values: Readonly<Record<string, string>>): Promise<unknown>;
}

/** Makes a server of a configuration, and closes it when the work is done. */
export async function withModules<T>(configuration: Configuration, work: (server: InProcess) => Promise<T>): Promise<T> {
  const loaded = configuration.tables === undefined ? undefined : await loadTables(configuration.tables);
  const modules = await allModules(configuration);
  let dispatch: Parameters<BackendModule["start"]>[0]["dispatch"] | undefined;
  const commands: BackendModule = {
    name: "commands",
    tables: {},
    start(host) {
      dispatch = host.dispatch;
      return { name: "commands", endpoints: [] };
    },
  };
  const url = configuration.config.get("queue");
  const jobs = url === undefined ? undefined : { queue: url, work: false };
  const server = await namingDatabase(configuration, () =>
    createServer({
      db: databaseOf(configuration),
      ...loaded,
      modules: [...modules, commands],
      moduleSettings: configuration.config as never,
      // Nobody would run them here once the command is over.
      jobs: jobs ?? false,
      masterKey: masterKeyOf(configuration),
      home: configuration.home,
      ...(configuration.cache === undefined ? {} : { cache: configuration.cache }),
      ...(configuration.bus === undefined ? {} : { bus: configuration.bus }),
      log: consoleLog({ level: "warn", clock: systemClock }),
    }),
  );
  try {
    return await work({
      jobs: server,
      has: (name) => modules.some((module) => module.name === name),
      call(path, { id, login }, values) {
        const caller = { id, login, name: undefined, isAdmin: true, types: ["admin"] };
        const call = { id: "command", caller, headers: new Headers(), address: undefined, signal: new AbortController().signal };
        // As a form: its values are texts.
        return dispatch!(path, values, { ...call, source: "command", version: undefined } as unknown as Call, new Map());
      },
    });
  } finally {
    await server.close();
  }
}

/** @throws BkError `invalid` where a module is not served */
export function requireModule(server: Pick<InProcess, "has">, name: string): void {
  if (!server.has(name))
    throw new BkError("invalid", `this needs the module ${name}; give it in --modules`, { detail: { field: "modules" } });
}
