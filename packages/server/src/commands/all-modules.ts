// The modules of a server: those of `@bk/modules` that are wanted, and those of the app.

import { type BackendModule, moduleNames, modulesNamed, type SystemOptions } from "@bk/modules";
import { push, type PushOptions } from "@bk/modules/push";

import type { Configuration } from "../settings/configuration.js";
import { loadModules } from "../settings/load-modules.js";
import { modulesOf } from "./announce.js";

/**
 * The modules of an app behind those of `@bk/modules` that are wanted or needed.
 *
 * @param messages  where those to devices wait. Default: they are sent at once
 */
export function withNeeded(
  own: readonly BackendModule[],
  configuration: Configuration,
  system: SystemOptions = {},
  messages: Pick<PushOptions, "queue" | "work"> = {},
): BackendModule[] {
  const { push: app, config } = configuration;
  const apps = app === undefined ? undefined : { [config.get("push-app")]: app };
  const sending = apps === undefined ? [] : [push({ apps, ratePerSecond: config.get("push-rate"), ...messages })];
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
