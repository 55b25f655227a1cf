// The modules of a server: those of `@bk/modules` that are wanted, and those of the app.

import { type BackendModule, moduleNames, modulesNamed, type SystemOptions } from "@bk/modules";
import { push } from "@bk/modules/push";

import type { Configuration } from "../settings/configuration.js";
import { loadModules } from "../settings/load-modules.js";
import { modulesOf } from "./announce.js";

/** The modules of an app behind those of `@bk/modules` that are wanted or needed. */
export function withNeeded(own: readonly BackendModule[], configuration: Configuration, system: SystemOptions = {}): BackendModule[] {
  const { push: app, config } = configuration;
  const sending = app === undefined ? [] : [push({ apps: { [config.get("push-app")]: app } })];
  const needed = [...sending, ...own].flatMap(({ needs = [] }) => needs).filter((name) => moduleNames.includes(name));
  const ready = modulesNamed([...modulesOf(configuration), ...needed], {
    signUp: configuration.signUp,
    pushcartToken: configuration.pushcartToken,
    statusTouch: configuration.statusTouch,
    system,
  });
  return [...ready, ...sending, ...own];
}

/** All of them, for commands that serve nothing. @throws what keeps the server from starting */
export async function allModules(configuration: Configuration): Promise<BackendModule[]> {
  const { modules, failure } = await loadModules(configuration);
  if (failure !== undefined) throw failure;
  return withNeeded(modules, configuration);
}
