// `bk-server logwatch`, and the same by the server itself.

import { hostname } from "node:os";
import { join, resolve } from "node:path";

import { BkError, consoleLog, type Log, systemClock } from "@bk/core";

import { invalidSetting } from "../config/errors.js";
import { faultFields } from "../fault-fields.js";
import { type Attached, attachedName, usualMatches } from "../log-watch/channels.js";
import { reportTarget } from "../log-watch/report-target.js";
import { sendReport } from "../log-watch/send-report.js";
import { type ToldChannel, type WatchedFile, watchLogs } from "../log-watch/watch-logs.js";
import { varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { print } from "./output.js";

interface Watching {
  readonly channels: readonly ToldChannel[];
  readonly attached: Attached | undefined;
  readonly files: readonly WatchedFile[];
}

/**
 * What the settings say; undefined where nobody is to be told.
 *
 * @throws SettingsError for a channel that cannot be
 */
export function logWatch(configuration: Configuration): Watching | undefined {
  const { config } = configuration;
  const of = <T>(what: string): ReadonlyMap<string, T> => config.matching(`logwatch-*-${what}`) as ReadonlyMap<string, T>;
  const [sends, matches, ignores, once, filesOf] = [
    of<string>("send"),
    of<string>("match"),
    of<string>("ignore"),
    of<boolean>("once"),
    of<readonly string[]>("files"),
  ];
  for (const [what, names] of Object.entries({ send: sends, once, files: filesOf }))
    if (names.has(attachedName))
      throw invalidSetting(`logwatch-any-${what}`, `logwatch-any-${what}: lines of the channel any are told with those of other channels`);
  for (const [what, names] of Object.entries({ match: matches, ignore: ignores, once, files: filesOf }))
    for (const name of names.keys())
      if (!sends.has(name) && name !== attachedName)
        throw invalidSetting(`logwatch-${name}-${what}`, `logwatch-${name}-${what} needs logwatch-${name}-send`);
  if (sends.size === 0) return undefined;
  const ignoreOf = (name: string): RegExp | undefined => {
    const ignore = ignores.get(name);
    return ignore === undefined ? undefined : new RegExp(ignore);
  };
  const channels = [...sends].map(([name, text]): ToldChannel => {
    const match = matches.get(name) ?? usualMatches[name];
    if (match === undefined && !filesOf.has(name))
      throw invalidSetting(`logwatch-${name}-send`, `logwatch-${name}-send needs logwatch-${name}-match`);
    const target = reportTarget(text)!;
    if (target.kind === "mail" && configuration.mailTransport === undefined)
      throw invalidSetting(`logwatch-${name}-send`, `logwatch-${name}-send by mail needs mail-transport and mail-from`);
    return {
      name,
      match: match === undefined ? /(?!)/ : new RegExp(match),
      ignore: ignoreOf(name),
      pauseMs: config.get("logwatch-pause"),
      once: once.get(name) === true,
      send: (report) => sendReport(target, report, configuration),
    };
  });
  const main = config.get("log-file");
  const common = config.get("logwatch-files") ?? (main === undefined ? [] : [main]);
  const files = [
    ...common.map((path) => ({ path: resolve(path) })),
    ...[...filesOf].flatMap(([channel, paths]) => paths.map((path) => ({ path: resolve(path), channel }))),
  ];
  if (files.length === 0)
    throw invalidSetting("logwatch-files", "logwatch-files is missing, and there is no log-file: there is nothing to look at");
  const any = matches.get(attachedName);
  const attached =
    any === undefined ? undefined : { match: new RegExp(any), ignore: ignoreOf(attachedName), range: config.get("logwatch-any-range") };
  return { channels, attached, files };
}

async function look(configuration: Configuration, watching: Watching, log: Log): Promise<number> {
  const statePath = join(varFolder(configuration.home), "logwatch.json");
  return watchLogs({ ...watching, statePath, host: hostname(), app: configuration.config.get("app-name"), clock: systemClock, log });
}

let isLooking = false;

/** One look of a running server; one that is not over is not begun again. */
export function watchLogsHere(configuration: Configuration, log: Log): void {
  const watching = logWatch(configuration);
  if (watching === undefined || isLooking) return;
  isLooking = true;
  look(configuration, watching, log)
    .catch((error: unknown) => log.error("log watcher: failed", faultFields(error)))
    .finally(() => (isLooking = false));
}

/** Looks once, and prints what was told. */
export async function logWatchCommand(configuration: Configuration): Promise<void> {
  const watching = logWatch(configuration);
  if (watching === undefined)
    throw new BkError("invalid", "nobody is to be told anything; see logwatch-<channel>-send", { detail: { field: "logwatch" } });
  const sent = await look(configuration, watching, consoleLog({ level: configuration.logLevel }));
  print(`${sent} reports of ${watching.files.length} files`);
}
