// `bk-server modules list`: which modules a server has, and why.

import { BkError } from "@bk/core";

import type { Configuration } from "../settings/configuration.js";
import { loadModules, type ModuleReport } from "../settings/load-modules.js";
import { modulesOf } from "./announce.js";
import { withNeeded } from "./all-modules.js";
import { type JsonOption, print, printJson } from "./output.js";

/** Loads them as the server does, and says what became of each; nothing is started. */
export async function listModules(configuration: Configuration, { json = false }: JsonOption): Promise<void> {
  const { modules, report, failure } = await loadModules(configuration);
  const wanted = new Set(modulesOf(configuration));
  const own = new Set(modules);
  const why = (name: string): string => {
    if (wanted.has(name) || wanted.has("all")) return configuration.modules === undefined ? "nothing else is configured" : "modules has it";
    return `${modules.find(({ needs = [] }) => needs.includes(name))?.name ?? "another one"} needs it`;
  };
  const ready = withNeeded(modules, configuration)
    .filter((module) => !own.has(module))
    .map(({ name }): ModuleReport => ({ name, from: "@bk/modules", state: "loaded", why: why(name) }));
  for (const one of [...ready, ...report])
    if (json) printJson(one);
    else print(`${one.name.padEnd(16)} ${one.state.padEnd(8)} ${one.from} (${one.why})`);
  if (failure !== undefined) throw new BkError("invalid", "the server would not start with these modules", { cause: failure });
}
