// How an app writes a module of its own.

import { BkError, defineConfig, type Definitions } from "@bk/core";

import type { BackendModule, ModuleHost, Running } from "./module.js";

/** Like a `BackendModule`, of which `start` may leave out what there is nothing of. */
export interface ModuleDefinition<Settings extends Definitions> extends Omit<BackendModule, "tables" | "config" | "start"> {
  readonly tables?: BackendModule["tables"];
  readonly config?: Settings;
  start(host: ModuleHost<Settings>): Promise<Partial<Running>> | Partial<Running>;
}

/**
 * Makes a module: a feature that a server can have, with tables, settings, endpoints, hooks and jobs of its own.
 *
 * @example
 *   export default defineModule({
 *     name: "hello",
 *     start: () => ({ endpoints: [endpoint({ path: "/hello", summary: "Says hello", who: "anybody", reply: anyRow, answer: async () => ({ hello: true }) })] }),
 *   });
 * @throws BkError `invalid` for a name that is not one word of lower case letters, digits and `_`, and for settings that cannot be described so
 */
export function defineModule<const Settings extends Definitions>(definition: ModuleDefinition<Settings>): BackendModule {
  const { name, config, tables = {} } = definition;
  if (!isModuleName(name))
    throw new BkError("invalid", `${JSON.stringify(String(name).slice(0, 60))} is no name of a module: ${nameRule}`, {
      detail: { field: "name" },
    });
  if (config !== undefined) defineConfig(config);
  return {
    ...definition,
    tables,
    start: async (host) => ({ endpoints: [], ...(await definition.start(host as unknown as ModuleHost<Settings>)), name }),
  };
}

/** What names of modules are like, for people. */
export const nameRule = "one word of lower case letters, digits and _, which begins with a letter";

export const isModuleName = (name: unknown): name is string => typeof name === "string" && /^[a-z][a-z0-9_]{0,59}$/.test(name);
