import type { Clock } from "./clock.js";
import { plainText } from "./plain-text.js";

/** Facts beside a message. Never put secrets or row values in them. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where messages go. Any logger with these four methods fits. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** From the most to the least talkative. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Drops everything. */
export const silentLog: Log = Object.freeze({ debug: drop, info: drop, warn: drop, error: drop });

function drop(): void {}

export const logFormats = ["text", "json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

export interface ConsoleLogOptions {
  /** The least serious level that is written; default `info`. */
  readonly level?: LogLevel;
  /**
   * `text` (default): level, message, fields as JSON. `json`: one object with `level`, `message` and the fields. `pretty`, for people: the time of day,
   * the level, message, and fields as `name=value`.
   */
  readonly format?: LogFormat;
  /** Colors the levels of `pretty`; default: where standard error is a terminal. */
  readonly colors?: boolean;
  /** Puts the time before each line, or into each object as `time`. Default: no times. */
  readonly clock?: Clock;
  /** Takes each line, and its level; default standard error, so that standard output stays with the program's results. */
  readonly write?: (line: string, level: LogLevel) => void;
}

/** Gives a log that writes one line a message. Control characters, which could pass for lines or move a terminal's cursor, are escaped. */
export function consoleLog({ level = "info", format = "text", clock, write = writeToConsole, colors }: ConsoleLogOptions = {}): Log {
  const lineOf = { json: jsonLine, text: textLine, pretty: prettyLine }[format];
  const paint = format === "pretty" && (colors ?? globalThis.process?.stderr?.isTTY) ? painted : (line: string): string => line;
  const at = (own: LogLevel): Log["info"] => {
    if (logLevels.indexOf(own) < logLevels.indexOf(level)) return drop;
    return (message, fields) =>
      write(
        paint(plainText(lineOf(clock === undefined ? undefined : new Date(clock.now()).toISOString(), own, message, fields)), own),
        own,
      );
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function writeToConsole(line: string): void {
  // oxlint-disable-next-line no-console -- this is the console log
  console.error(line);
}

function textLine(time: string | undefined, level: LogLevel, message: string, fields: LogFields | undefined): string {
  // A line break in a message would let its text pass for another line.
  const text = `${time === undefined ? "" : `${time} `}${level} ${message.replace(/[\r\n]+/g, " ")}`;
  return fields === undefined || Object.keys(fields).length === 0 ? text : `${text} ${stringify(fields)}`;
}

function prettyLine(time: string | undefined, level: LogLevel, message: string, fields: LogFields = {}): string {
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [`${name}=${typeof value === "string" && !/[\s"=]/.test(value) ? value : stringify(value)}`];
  });
  const clock = time === undefined ? [] : [time.slice("2026-01-31T".length, -1)];
  return [...clock, level.toUpperCase().padEnd(5), message.replace(/[\r\n]+/g, " "), ...shown].join(" ");
}

const codes: Readonly<Record<LogLevel, number>> = { debug: 90, info: 32, warn: 33, error: 31 };

/** The first such word is the level: what stands before it is a time. */
const painted = (line: string, level: LogLevel): string =>
  line.replace(level.toUpperCase(), (word) => `\u001b[${codes[level]}m${word}\u001b[39m`);

function jsonLine(time: string | undefined, level: LogLevel, message: string, fields: LogFields | undefined): string {
  const start = JSON.stringify({ ...(time === undefined ? {} : { time }), level, message });
  const rest = fields === undefined ? "{}" : stringify(fields);
  return rest === "{}" ? start : `${start.slice(0, -1)},${rest.slice(1)}`;
}

function stringify(fields: unknown): string {
  try {
    return JSON.stringify(fields, (_key, value: unknown) => {
      if (typeof value === "bigint") return value.toString();
      // Errors with a toJSON of their own arrive here already converted.
      return value instanceof Error ? { name: value.name, message: value.message } : value;
    });
  } catch {
    // A log must not fail its caller: cyclic fields lose their values, not the message.
    return JSON.stringify({ fields: Object.keys(Object(fields)), note: "not serializable" });
  }
}
