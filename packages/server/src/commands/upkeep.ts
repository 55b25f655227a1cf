// What a server looks after now and then: old files, and what its logs say.

import { join } from "node:path";

import type { Log } from "@bk/core";

import { cleanFolders } from "../cleaning/clean-folders.js";
import { faultFields } from "../fault-fields.js";
import type { UpkeepTask } from "../processes/messages.js";
import type { Configuration } from "../settings/configuration.js";
import { logWatch, watchLogsHere } from "./log-watch.js";

const cleanEveryMs = 3_600_000;

/**
 * Asks for each task now and at its interval.
 *
 * @returns ends it
 * @throws SettingsError when the log watcher cannot do what it is told
 */
export function beginUpkeep(configuration: Configuration, ask: (task: UpkeepTask) => void): () => void {
  const watchEveryMs = logWatch(configuration) === undefined ? 0 : configuration.config.get("logwatch-interval");
  const tasks: readonly (readonly [UpkeepTask, number])[] = [
    ["clean", cleanEveryMs],
    ["watch-logs", watchEveryMs],
  ];
  const timers = tasks
    .filter(([, everyMs]) => everyMs > 0)
    .map(([task, everyMs]) => {
      ask(task);
      return setInterval(() => ask(task), everyMs).unref();
    });
  return () => timers.forEach((timer) => clearInterval(timer));
}

/** Does a task in this process. */
export function upkeep(task: UpkeepTask, configuration: Configuration, log: Log): void {
  if (task === "watch-logs") return watchLogsHere(configuration, log);
  const { home, config } = configuration;
  const kept = [config.get("log-file"), config.get("access-log-file")].filter((path) => path !== undefined);
  const folders = (["tmp", "log"] as const).map((name) => ({ path: join(home, name), ageMs: config.get(`${name}-age`) }));
  cleanFolders({ folders, kept, log }).catch((error: unknown) => log.error("old files could not be removed", faultFields(error)));
}
