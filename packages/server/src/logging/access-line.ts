// Lines of the access log.

import { type Log, plainText } from "@bk/core";

/** What is told of a request and its reply. */
export interface AccessRecord {
  readonly id: string;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
  readonly ms: number;
  readonly method: string;
  /** Without its query: values may be secret. */
  readonly path: string;
  /** Such as `1.1`. */
  readonly httpVersion: string;
  readonly status: number;
  /** Of the body; undefined where there is none, or its length is not known before it is sent. */
  readonly bytes: number | undefined;
  readonly address: string | undefined;
  readonly login: string | undefined;
  /** Who a refused request said that it was, and why it was refused. */
  readonly claims: string | undefined;
  readonly refused: string | undefined;
  /** Of a message of a WebSocket: the id of the request that opened it. */
  readonly socket: string | undefined;
  /** Without its query, as the path is. */
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** What was asked for beside, by name. */
  readonly fields: Readonly<Record<string, string | undefined>>;
}

export type AccessWriter = (record: AccessRecord) => void;

const longest = 300;
const short = (text: string | undefined): string | undefined => (text === undefined ? undefined : plainText(text, longest));

/** A line among the others of the log. */
export function toLog(log: Log): AccessWriter {
  return ({ method, path, status, id, ms, socket, login, claims, refused, fields }) =>
    log.info(`${method} ${short(path)} ${status}`, {
      id,
      ms,
      ...(socket === undefined ? {} : { socket }),
      ...(login === undefined ? {} : { login }),
      ...(claims === undefined ? {} : { claims: plainText(claims, 140) }),
      ...(refused === undefined ? {} : { refused }),
      ...shownFields(fields),
    });
}

/** An object a line. */
export function jsonLine({ at, path, claims, referer, userAgent, fields, ...others }: AccessRecord): string {
  return plainText(
    JSON.stringify({
      time: new Date(at).toISOString(),
      ...others,
      path: short(path),
      claims: short(claims),
      referer: short(referer),
      userAgent: short(userAgent),
      ...shownFields(fields),
    }),
  );
}

function shownFields(fields: AccessRecord["fields"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, plainText(value, longest)]])),
  );
}

/**
 * The combined format of Apache (https://httpd.apache.org/docs/2.4/logs.html#combined), escaped as Apache does; what was asked for beside follows, each in quotes.
 */
export function combinedLine({
  at,
  method,
  path,
  httpVersion,
  status,
  bytes,
  address,
  login,
  referer,
  userAgent,
  fields,
}: AccessRecord): string {
  const quoted = (text: string | undefined): string => `"${text === undefined ? "-" : escaped(text)}"`;
  const more = Object.values(fields).map((value) => ` ${quoted(value)}`);
  const who = login === undefined || login === "" ? "-" : escaped(login).replaceAll(" ", "\\x20");
  return `${address ?? "-"} - ${who} [${apacheTime(at)}] ${quoted(`${method} ${path} HTTP/${httpVersion}`)} ${status} ${bytes ?? "-"} ${quoted(referer)} ${quoted(userAgent)}${more.join("")}`;
}

const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\v": "\\v",
};

/** Bytes beyond printable ASCII as `\xhh`. */
function escaped(text: string): string {
  const kept = text.length > longest ? text.slice(0, longest) : text;
  return kept.replaceAll(/[^\x20-\x7e]|["\\]/gu, (character) => named[character] ?? bytesOf(character));
}

function bytesOf(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `10/Oct/2000:13:55:36 +0000` */
function apacheTime(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split(/[T.]/);
  const [year, month, day] = date.split("-");
  return `${day}/${months[Number(month) - 1]}/${year}:${time} +0000`;
}
