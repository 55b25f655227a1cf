// Where a process of bk-server logs: standard error, a file, or syslog; and its access log.

import { closeSync, fchownSync, openSync } from "node:fs";
import { inspect } from "node:util";

import { systemClock } from "@bk/core";

import { invalidSetting } from "../config/errors.js";
import { faultFields } from "../fault-fields.js";
import type { AccessLogOptions } from "../logging/access-options.js";
import { accessFacility, Syslog, syslogTarget } from "../logging/syslog.js";
import { throttledErrors } from "../logging/throttled-errors.js";
import type { Metrics } from "../metrics/metrics.js";
import { type Owner, ownerOf } from "../processes/privileges.js";
import type { Configuration } from "../settings/configuration.js";
import { bufferedLines } from "./buffered-lines.js";
import { type SwitchedLog, switchedLog } from "./switched-log.js";

export interface ProcessLog extends SwitchedLog {
  /** How requests are told. */
  readonly access: AccessLogOptions | false;
  /**
   * From now on an error that nobody handled is logged, and `finish` is called with why, once: what runs is to be finished before the process ends,
   * with 1 in any case. Until then it ends at once.
   */
  finishOnFault(finish: (why: string) => void): void;
  /** Opens the files anew, after they were moved away. */
  reopen(): void;
  /** Counts what could not be written. */
  measure(metrics: Metrics): void;
  /** Sends what waits. */
  close(): Promise<void>;
}

/** @throws SettingsError when a file cannot be opened */
export function processLog(configuration: Configuration): ProcessLog {
  const { logLevel: level, logFormat: format, config } = configuration;
  const [path, target, accessPath] = [config.get("log-file"), config.get("log-syslog"), config.get("access-log-file")];
  if (path !== undefined && target !== undefined) throw invalidSetting("log-syslog", "give either log-syslog or log-file");
  const accessFormat = config.get("access-log");
  if (accessPath !== undefined && accessFormat !== "json" && accessFormat !== "combined")
    throw invalidSetting("access-log-file", "access-log-file needs access-log to be json or combined");
  // There is no other place to say that the log has none.
  const onUnusable = (why: string): void => void process.stderr.write(`bk-server: log-syslog: ${why}\n`);
  const syslog = target === undefined ? undefined : new Syslog(syslogTarget(target)!, { onUnusable });
  // Those who are no root any more open the files anew, too.
  const owner = process.getuid?.() === 0 ? ownerOf({ uid: config.get("uid"), gid: config.get("gid") }) : undefined;
  const main = new LogFile("log-file", path, owner);
  const files = [main, ...(accessPath === undefined ? [] : [new LogFile("access-log-file", accessPath, owner)])];
  process.on("exit", () => files.forEach((file) => file.flush()));
  const made =
    syslog === undefined
      ? switchedLog({ level, format, clock: systemClock, write: (line) => main.write(line) })
      : // Records have times of their own.
        switchedLog({ level, format, write: (line, severity) => syslog.send(severity, line) });
  const writeAccess = (line: string): void => {
    if (accessPath === undefined && syslog !== undefined) syslog.send("info", line, accessFacility);
    else files.at(-1)!.write(line);
  };
  // Node writes it to standard error, where nobody may look who has a log elsewhere.
  const tellFault = (error: unknown): void => made.log.error("an error that nobody handled ends this process", faultFields(error));
  if (path !== undefined || syslog !== undefined) process.on("uncaughtExceptionMonitor", tellFault);
  const log = throttledErrors(made.log, { max: config.get("log-errors-max"), intervalMs: config.get("log-errors-interval") }, systemClock);
  return {
    log,
    level: made.level,
    access: accessFormat === "off" ? false : { format: accessFormat, write: writeAccess, fields: config.get("access-log-fields") },
    finishOnFault(finish) {
      process.off("uncaughtExceptionMonitor", tellFault);
      let isFirst = true;
      process.on("uncaughtException", (error) => {
        // As Node does: the log has no values, and so no message that it does not know.
        process.stderr.write(`${inspect(error)}\n`);
        tellFault(error);
        if (isFirst) finish("an error that nobody handled");
        isFirst = false;
      });
      process.on("exit", () => {
        if (!isFirst) process.exitCode ||= 1;
      });
    },
    reopen() {
      for (const file of files) {
        try {
          file.reopen();
        } catch (error) {
          made.log.error(`${(error as Error).message}; the old file is written on`);
        }
      }
    },
    measure(metrics) {
      metrics.read({
        name: "bk_log_dropped_total",
        help: "Records of the logs that could not be sent or written",
        type: "counter",
        read: () => [[[], files.reduce((sum, file) => sum + file.dropped, syslog?.dropped ?? 0)]],
      });
    },
    async close() {
      await syslog?.close();
    },
  };
}

/** Makes a file that another user may open. One that is there is nobody's to give away: it may be a link. */
function giveNewFile(path: string, { uid, gid }: Owner): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "ax", 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  fchownSync(descriptor, uid, gid);
  closeSync(descriptor);
}

/** A file that lines are added to, or standard error. */
class LogFile {
  readonly #setting: string;
  readonly #path: string | undefined;
  /** Whose the file becomes. */
  readonly #owner: Owner | undefined;
  #descriptor: number;
  readonly #lines = bufferedLines(() => this.#descriptor);

  constructor(setting: string, path: string | undefined, owner: Owner | undefined) {
    this.#setting = setting;
    this.#path = path;
    this.#owner = owner;
    this.#descriptor = path === undefined ? 2 : this.#open(path);
  }

  /** For the server's user and group alone: logs name people. */
  #open(path: string): number {
    try {
      if (this.#owner !== undefined && process.getuid?.() === 0) giveNewFile(path, this.#owner);
      return openSync(path, "a", 0o640);
    } catch (cause) {
      throw invalidSetting(this.#setting, `${this.#setting}: cannot open ${path} (${(cause as NodeJS.ErrnoException).code})`, cause);
    }
  }

  write(line: string): void {
    this.#lines.write(line);
  }

  flush(): void {
    this.#lines.flush();
  }

  get dropped(): number {
    return this.#lines.dropped();
  }

  reopen(): void {
    if (this.#path === undefined) return;
    this.flush();
    const next = this.#open(this.#path);
    closeSync(this.#descriptor);
    this.#descriptor = next;
  }
}
