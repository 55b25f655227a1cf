// How the access log of a server is written.

import { type Log, silentLog } from "@bk/core";

import type { AccessLog } from "../routes/server-context.js";
import { accessFields } from "./access-fields.js";
import { combinedLine, jsonLine, toLog } from "./access-line.js";

export const accessFormats = ["log", "json", "combined"] as const;

export interface AccessLogOptions {
  /** `log` (default): lines of the server's log. `json`: objects. `combined`: that of Apache. */
  readonly format?: (typeof accessFormats)[number];
  /** Takes lines of `json` and `combined`, which need it. */
  readonly write?: (line: string) => void;
  /** What is told beside: `q:name` a parameter of the query, `h:name` a header, `a:name` a member of the account. Default nothing. */
  readonly fields?: readonly string[];
}

/** @returns undefined: no lines */
export function accessLogOf(options: AccessLogOptions | false | undefined, log: Log): AccessLog | undefined {
  if (options === false) return undefined;
  const { format = "log", write, fields = [] } = options ?? {};
  const read = accessFields(fields);
  if (format === "log" || write === undefined) return log === silentLog ? undefined : { write: toLog(log), isTold: false, fields: read };
  const lineOf = format === "json" ? jsonLine : combinedLine;
  return { write: (record) => write(lineOf(record)), isTold: true, fields: read };
}
