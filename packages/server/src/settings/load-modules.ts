// Loads the modules of an app: those that its settings let in, in the order in which they need each other.

import { BkError, type Definitions, type Log, silentLog } from "@bk/core";
import { type BackendModule, moduleNames } from "@bk/modules";

import { invalidSetting } from "../config/errors.js";
import { faultFields } from "../fault-fields.js";
import { inTime } from "../in-time.js";
import type { Configuration } from "./configuration.js";
import { type FoundModule, findModules } from "./find-modules.js";
import { importFile } from "./import-file.js";
import { roles } from "../config/facts.js";

/** What became of a module. */
export interface ModuleReport {
  readonly name: string;
  /** Its file, or `@bk/modules`. */
  readonly from: string;
  readonly state: "loaded" | "skipped" | "failed";
  readonly why: string;
}

export interface LoadedModules {
  /** In the order in which they start. */
  readonly modules: readonly BackendModule[];
  /** All that were found, by name. */
  readonly report: readonly ModuleReport[];
  /** Why the server does not start, where it does not. */
  readonly failure: Error | undefined;
}

/**
 * Loads what was found and is let in, and describes its settings. Modules of `@bk/modules` that they need are not among them.
 *
 * @throws SettingsError for settings of theirs that are wrong
 */
export async function loadModules(configuration: Configuration, log: Log = silentLog): Promise<LoadedModules> {
  const { config } = configuration;
  const role = config.get("role");
  const isOptional = (name: string): boolean => config.get("optional-modules")?.test(name) === true;
  const reports: ModuleReport[] = [];
  const loaded = new Map<string, { readonly found: FoundModule; readonly module: BackendModule }>();
  let failure: Error | undefined;
  const fail = (found: FoundModule, error: Error): void => {
    reports.push({ name: found.name, from: found.shown, state: "failed", why: error.message });
    if (isOptional(found.name)) log.error(`${error.message}; the server starts without it`);
    else failure ??= error;
  };
  const skip = ({ name, shown }: FoundModule, why: string): void => void reports.push({ name, from: shown, state: "skipped", why });
  const all = findModules(config as never);
  for (const found of all) {
    const closed = whyNot(found.name, configuration);
    if (closed !== undefined) {
      skip(found, closed);
      continue;
    }
    try {
      const module = await load(found, all, config.get("ready-timeout"));
      if (role !== "server" && role !== "proxy" && module.roles?.includes(role) === false)
        skip(found, `it is for ${module.roles.join(", ")} processes`);
      else loaded.set(found.name, { found, module });
    } catch (error) {
      fail(found, error as Error);
    }
  }
  const ordered = inOrder(loaded, reports, fail);
  for (const { found } of ordered)
    reports.push({ name: found.name, from: found.shown, state: "loaded", why: whyLoaded(found.name, configuration) });
  await config.describe(Object.fromEntries(ordered.map(({ module }): [string, Definitions] => [module.name, module.config ?? {}])));
  return {
    modules: ordered.map(({ found, module }) =>
      starting(module, found, { isOptional: isOptional(module.name), ms: config.get("ready-timeout"), log }),
    ),
    report: reports.sort((one, other) => (one.name < other.name ? -1 : 1)),
    failure,
  };
}

/** The pattern of a setting for this role, and its name. */
function patternOf(setting: "allow-modules" | "deny-modules", { config }: Configuration): readonly [RegExp, string] | undefined {
  const byRole = config.matching(`${setting}-*`) as ReadonlyMap<string, RegExp>;
  const unknown = [...byRole.keys()].find((role) => !roles.some((known) => known === role));
  if (unknown !== undefined)
    throw invalidSetting(`${setting}-${unknown}`, `${setting}-${unknown}: there is no role ${unknown}; there are ${roles.join(", ")}`);
  const role = config.get("role");
  const own = byRole.get(role);
  if (own !== undefined) return [own, `${setting}-${role}`];
  const pattern = config.get(setting);
  return pattern === undefined ? undefined : [pattern, setting];
}

/** Which setting keeps a module out, if one does. */
export function whyNot(name: string, configuration: Configuration): string | undefined {
  const [denied, deniedBy] = patternOf("deny-modules", configuration) ?? [];
  if (denied?.test(name)) return `${deniedBy} has it`;
  const [allowed, allowedBy] = patternOf("allow-modules", configuration) ?? [];
  return allowed === undefined || allowed.test(name) ? undefined : `${allowedBy} does not have it`;
}

function whyLoaded(name: string, configuration: Configuration): string {
  const allowed = patternOf("allow-modules", configuration);
  return allowed === undefined ? "it is there" : `${allowed[1]} has ${name}`;
}

/** @param ms  how long its file may take */
async function load(found: FoundModule, all: readonly FoundModule[], ms: number): Promise<BackendModule> {
  const { name, path, shown, problem } = found;
  const refuse = (what: string, cause?: unknown): BkError =>
    new BkError("invalid", `modules: ${shown} ${what}`, { detail: { field: "modules" }, cause });
  if (problem !== undefined) throw refuse(problem);
  const twin = all.find((other) => other !== found && other.name === name);
  if (twin !== undefined) throw refuse(`has the name of ${twin.shown}; give one of them another`);
  if (moduleNames.includes(name)) throw refuse(`has the name of a module of @bk/modules; choose another one`);
  const { default: module } = await inTime(importFile(path, refuse), ms).catch((error: BkError) => {
    throw error.code === "timeout" ? refuse(`was not loaded: ${error.message} (ready-timeout)`) : error;
  });
  if (!isModule(module)) throw refuse('has no module as its default export; write "export default defineModule({ … })"');
  if (module.name !== name)
    throw refuse(`exports the module ${JSON.stringify(String(module.name).slice(0, 60))}; a file is named like its module`);
  return module;
}

function isModule(given: unknown): given is BackendModule {
  const { name, tables, start } = (given ?? {}) as Partial<BackendModule>;
  return typeof name === "string" && typeof tables === "object" && tables !== null && typeof start === "function";
}

interface Loaded {
  readonly found: FoundModule;
  readonly module: BackendModule;
}

/** Each behind those that it needs, else by name. */
function inOrder(
  loaded: ReadonlyMap<string, Loaded>,
  reports: readonly ModuleReport[],
  fail: (found: FoundModule, error: Error) => void,
): Loaded[] {
  const ordered = new Map<string, Loaded>();
  const failed = new Set<string>();
  const visit = (name: string, path: readonly string[]): boolean => {
    if (ordered.has(name) || moduleNames.includes(name)) return true;
    const one = loaded.get(name);
    if (one === undefined || failed.has(name)) return false;
    const at = path.indexOf(name);
    const missing = at >= 0 ? name : one.module.needs?.find((other) => !visit(other, [...path, name]));
    if (missing === undefined) ordered.set(name, one);
    // Of a circle the first one is told of; those on it fail with it.
    else if (!failed.has(name)) {
      failed.add(name);
      const what =
        at >= 0
          ? `is on a circle: ${[...path.slice(at), name].join(" needs ")}`
          : `needs the module ${missing}, ${whyMissing(missing, reports)}`;
      fail(one.found, new BkError("invalid", `modules: ${one.found.shown} ${what}`, { detail: { field: "modules" } }));
    }
    return missing === undefined;
  };
  for (const name of loaded.keys()) visit(name, []);
  return [...ordered.values()];
}

function whyMissing(name: string, reports: readonly ModuleReport[]): string {
  const report = reports.find((each) => each.name === name);
  if (report === undefined) return "which is not there";
  return report.state === "failed" ? "which cannot be loaded" : `which is ${report.state}: ${report.why}`;
}

/** Says of what fails at the start which file it is. */
function starting(
  module: BackendModule,
  { shown }: FoundModule,
  { isOptional, ms, log }: { readonly isOptional: boolean; readonly ms: number; readonly log: Log },
): BackendModule {
  return {
    ...module,
    async start(host) {
      try {
        return await inTime(module.start(host), ms);
      } catch (cause) {
        const what = `module ${module.name} (${shown}) did not start`;
        const reason = cause instanceof Error ? cause.message : String(cause);
        if (!(cause instanceof BkError) || isOptional) log.error(what, faultFields(cause));
        if (isOptional) return { name: module.name, endpoints: [] };
        const { code, outcome, detail } = cause instanceof BkError ? cause : new BkError("internal", reason);
        throw new BkError(code, `${what}: ${reason}`, { outcome, detail, cause });
      }
    },
  };
}
