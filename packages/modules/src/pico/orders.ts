// What a request holds: its channel and its orders, with their proofs.

import { createHmac } from "node:crypto";

import { BkError, type Clock } from "@bk/core";

import { invalid } from "../common/failures.js";
import { isSame } from "../common/tokens.js";
import type { CacheLike } from "../contract/cache.js";
import type { Call, UploadedFile } from "../contract/endpoint.js";

/** What the data of an order is made of, by its path in it, such as `a/b`. */
export interface Form {
  readonly fields: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, UploadedFile>;
}

export interface Order {
  /** Empty: nothing is to be done. */
  readonly api: string;
  /** Its reply has it; without one there is no reply. */
  readonly reqId: string | number | undefined;
  readonly data: unknown;
  readonly date: number | undefined;
  readonly key: string | undefined;
  /** What `key` is made of. */
  readonly text: string;
  /** What a key of the original is made of. */
  readonly oldText: string;
  /** The form that it came as. */
  readonly form?: Form;
}

/** What the formats of requests have in different ways. */
type OrderBody = Pick<Order, "data" | "text" | "oldText" | "form">;

type ParseJson = Call["parseJson"];

/** What a request says beside its body. */
export interface AskedInQuery {
  readonly tx?: boolean | undefined;
  readonly onError?: string | undefined;
}

export interface PicoRequest {
  /** `ID PASS`, or empty to open one. */
  readonly channel: string | undefined;
  readonly orders: readonly Order[];
  /** Packets that have arrived. */
  readonly acks: readonly number[];
  /** Whether all orders are done, or none. */
  readonly tx: boolean;
  readonly onError: "stop" | "continue";
}

export const mostOrders = 32;
const mostAcks = 1_000;

/**
 * Reads a list of orders, with the channel first where there is one, or `{ orders, channel, acks, tx, onError }`.
 *
 * @throws BkError `invalid`, naming what is wrong
 */
export function readRequest(body: unknown, asked: AskedInQuery, parse: ParseJson): PicoRequest {
  const given = Array.isArray(body) ? { orders: body as unknown[] } : body;
  if (typeof given !== "object" || given === null) throw invalid("the body is a list of orders, or an object with orders", "orders");
  const { orders: list, channel, acks = [], tx, onError, chain } = given as Readonly<Record<string, unknown>>;
  if (!Array.isArray(list)) throw invalid("orders must be a list", "orders");
  const [first, ...rest] = list as unknown[];
  const hasChannel = Array.isArray(first) || typeof first === "string";
  const orders = hasChannel ? rest : (list as unknown[]);
  const given1 = hasChannel ? channelText(first) : channel === undefined ? undefined : channelText(channel);
  if (orders.length > mostOrders) throw tooMany();
  if (!Array.isArray(acks) || acks.length > mostAcks || !acks.every((ack) => Number.isSafeInteger(ack)))
    throw invalid(`acks must be a list of at most ${mostAcks} integers`, "acks");
  const way = readWay({ tx, onError: onError ?? chain }, asked);
  return { channel: given1, orders: orders.map((order, at) => readOrder(order, at, parse)), acks: acks as number[], ...way };
}

/** How orders are run, which the body or the query says. */
export function readWay(
  inBody: { readonly tx?: unknown; readonly onError?: unknown },
  inQuery: AskedInQuery,
): Pick<PicoRequest, "tx" | "onError"> {
  for (const name of ["tx", "onError"] as const)
    if (inBody[name] !== undefined && inQuery[name] !== undefined) throw invalid(`${name} is given in the query and in the body`, name);
  const { tx = inQuery.tx ?? false } = inBody;
  if (typeof tx !== "boolean") throw invalid("tx must be true or false", "tx");
  const onError = inBody.onError ?? inQuery.onError ?? "stop";
  if (onError !== "stop" && onError !== "continue") throw invalid("onError must be stop or continue", "onError");
  return { tx, onError };
}

export const tooMany = (): BkError => invalid(`there are more than ${mostOrders} orders`, "orders");

export function channelText(given: unknown): string {
  const text: unknown = Array.isArray(given) ? ((given as unknown[])[0] ?? "") : given;
  if (typeof text !== "string" || text.length > 200) throw invalid("the channel is a text of id and pass", "channel");
  return text;
}

function readOrder(given: unknown, at: number, parse: ParseJson): Order {
  return orderOf(given, at, (said) => {
    const text = JSON.stringify(said["data"] === undefined ? "" : said["data"]);
    return { data: parsed(said["data"], at, parse), text, oldText: text };
  });
}

/**
 * One order.
 *
 * @param given  what it says of itself
 * @param bodyOf  reads what it holds
 * @throws BkError `invalid`, naming what is wrong
 */
export function orderOf(given: unknown, at: number, bodyOf: (said: Readonly<Record<string, unknown>>) => OrderBody): Order {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw invalid(`order ${at} must be an object`, "orders");
  const { api = "", reqId, date, key } = given as Readonly<Record<string, unknown>>;
  if (typeof api !== "string" || api.length > 200) throw invalid(`order ${at}: api must be a text`, "api");
  if (reqId !== undefined && typeof reqId !== "string" && typeof reqId !== "number")
    throw invalid(`order ${at}: reqId must be a number or a text`, "reqId");
  if (typeof reqId === "string" && reqId.length > 100) throw invalid(`order ${at}: reqId is too long`, "reqId");
  if (date !== undefined && !Number.isSafeInteger(date)) throw invalid(`order ${at}: date must be milliseconds since 1970`, "date");
  if (key !== undefined && typeof key !== "string") throw invalid(`order ${at}: key must be a text`, "key");
  return { api, reqId, date: date as number | undefined, key, ...bodyOf(given as Readonly<Record<string, unknown>>) };
}

/** Old clients send JSON as text in it. */
function parsed(data: unknown, at: number, parse: ParseJson): unknown {
  if (typeof data !== "string" || !/^[[{]/.test(data)) return data;
  try {
    JSON.parse(data);
  } catch {
    // A text that only begins so.
    return data;
  }
  return parse(data, `data of order ${at}`, "data");
}

export interface ProofOptions {
  readonly secretKey: string | undefined;
  /** How far the date of an order may be from the server's, in milliseconds. */
  readonly cullAgeMs: number | undefined;
  /** Whether keys of the original count too: HMAC-MD5 by the secret and the date, over the data alone. */
  readonly allowMd5: boolean;
  readonly clock: Clock;
  /** Remembers keys that were used. */
  readonly cache: CacheLike;
}

/** The key of an order: base64 HMAC-SHA256 over api, reqId, date and the JSON of its data, a line each. */
export function orderKey(secretKey: string, { api, reqId, date, text }: Pick<Order, "api" | "reqId" | "date" | "text">): string {
  return createHmac("sha256", secretKey)
    .update(`${api}\n${reqId ?? ""}\n${date ?? ""}\n${text}`)
    .digest("base64");
}

/**
 * Refuses a request of which one order is not proved, or was sent before.
 *
 * @throws BkError `unauthenticated`
 */
export async function checkProofs(orders: readonly Order[], options: ProofOptions): Promise<void> {
  const { secretKey, clock, cache } = options;
  const cullAgeMs = options.cullAgeMs ?? (secretKey === undefined ? undefined : 3_600_000);
  const refuse = (what: string): never => {
    throw new BkError("unauthenticated", what);
  };
  for (const { date } of orders)
    if (cullAgeMs !== undefined && !(date !== undefined && Math.abs(clock.now() - date) <= cullAgeMs))
      refuse("the date of an order is missing, or too far from the time of the server");
  if (secretKey === undefined) return;
  for (const order of orders) if (!isProved(order, secretKey, options.allowMd5)) refuse("the key of an order is missing or wrong");
  for (const { key } of orders) if (!(await cache.add(`pico:${key!}`, 1, { ttlMs: 2 * cullAgeMs! }))) refuse("an order was sent before");
}

function isProved(order: Order, secretKey: string, allowMd5: boolean): boolean {
  const { key = "", date, oldText } = order;
  const md5 = (): string =>
    createHmac("md5", `${secretKey}${String(date)}`)
      .update(oldText)
      .digest("base64");
  return isSame(key, orderKey(secretKey, order)) || (allowMd5 && isSame(key, md5()));
}
