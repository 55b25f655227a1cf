// server.ts PORT DIR: stands for Riak KV. It follows the documentation of Riak's HTTP API
// (https://docs.riak.com/riak/kv/latest/developing/api/http) as far as the driver uses it, on one node: vector clocks,
// siblings, tombstones, secondary indexes, conditional requests. As there, a condition is asked before a write and not with
// it: two requests at once may both find that it holds. No Riak has been compared with it.

import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import { join } from "node:path";

const [port = "8098", folder = "."] = process.argv.slice(2);
const log = join(folder, "log");
const reapAfterMs = 200;
const mostBytes = 10_000_000;

interface Sibling {
  readonly tag: string;
  /** The number of the write that made it. */
  readonly dot: number;
  readonly at: number;
  readonly body?: string;
  readonly type?: string;
  readonly indexes?: Readonly<Record<string, readonly string[]>>;
  readonly isTombstone?: boolean;
}

interface StoredObject {
  readonly siblings: readonly Sibling[];
}

interface Bucket {
  props: Readonly<Record<string, unknown>>;
  readonly objects: Map<string, StoredObject>;
}

/** A line of the log: what is acknowledged survives the end of the process. */
interface Entry {
  readonly bucket: string;
  readonly key?: string;
  /** Absent where the object is gone. */
  readonly object?: StoredObject;
  readonly props?: Readonly<Record<string, unknown>>;
}

const buckets = new Map<string, Bucket>();
let lastDot = 0;

function bucketOf(name: string): Bucket {
  let bucket = buckets.get(name);
  if (bucket === undefined) buckets.set(name, (bucket = { props: { allow_mult: false }, objects: new Map() }));
  return bucket;
}

function carryOut({ bucket, key, object, props }: Entry): void {
  const own = bucketOf(bucket);
  if (props !== undefined) own.props = props;
  if (key === undefined) return;
  if (object === undefined) own.objects.delete(key);
  else own.objects.set(key, object);
  for (const { dot } of object?.siblings ?? []) lastDot = Math.max(lastDot, dot);
}

function record(entry: Entry): void {
  carryOut(entry);
  appendFileSync(log, `${JSON.stringify(entry)}\n`);
}

if (existsSync(log)) {
  const text = readFileSync(log, "utf8");
  for (const line of text.split("\n").slice(0, -1)) carryOut(JSON.parse(line) as Entry);
  // A last line that was cut off when the process was killed: nobody was told of it.
  if (!text.endsWith("\n")) truncateSync(log, Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1)));
}

// On one node a vector clock is the writes whose values a client has seen.
const encodeClock = (seen: readonly number[]): string => Buffer.from(JSON.stringify(seen)).toString("base64");
const decodeClock = (text: string): number[] => JSON.parse(Buffer.from(text, "base64").toString()) as number[];
const dotsOf = (object: StoredObject | undefined): number[] => (object?.siblings ?? []).map(({ dot }) => dot);

/** Writes a sibling in place of those that the client has seen; with `allow_mult` the others stay. */
function write(bucket: string, key: string, seen: readonly number[], sibling: Omit<Sibling, "tag" | "dot" | "at">): StoredObject {
  const { props, objects } = bucketOf(bucket);
  const dot = ++lastDot;
  const kept = props["allow_mult"] === true ? (objects.get(key)?.siblings ?? []).filter((one) => !seen.includes(one.dot)) : [];
  const object = { siblings: [...kept, { ...sibling, tag: randomBytes(12).toString("base64url"), dot, at: Date.now() }] };
  record({ bucket, key, object });
  if (sibling.isTombstone) setTimeout(() => reap(bucket, key, dot), reapAfterMs);
  return object;
}

/** Forgets a deleted object after a while, unless it was written again. */
function reap(bucket: string, key: string, dot: number): void {
  const dots = dotsOf(bucketOf(bucket).objects.get(key));
  if (dots.length === 1 && dots[0] === dot) record({ bucket, key });
}

/** The one value of an object that has no siblings. */
const onlyOf = ({ siblings }: StoredObject): Sibling | undefined => (siblings.length === 1 ? siblings[0] : undefined);
const isGone = (object: StoredObject | undefined): object is undefined => object === undefined || onlyOf(object)?.isTombstone === true;

function send(response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}, body = ""): void {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

const sendText = (response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders = {}): void =>
  send(response, status, { "Content-Type": "text/plain", ...headers }, text);
const sendJson = (response: ServerResponse, value: unknown): void =>
  send(response, 200, { "Content-Type": "application/json" }, JSON.stringify(value));

function headersOf({ type, indexes = {}, tag, at, isTombstone }: Sibling): Record<string, string> {
  return {
    "Content-Type": type ?? "application/octet-stream",
    ETag: `"${tag}"`,
    "Last-Modified": new Date(at).toUTCString(),
    ...Object.fromEntries(Object.entries(indexes).map(([field, terms]) => [`x-riak-index-${field}`, terms.join(", ")])),
    ...(isTombstone ? { "X-Riak-Deleted": "true" } : {}),
  };
}

/** An object as the reply to a read, or to a write that asks for it. */
function sendObject({ headers }: IncomingMessage, response: ServerResponse, object: StoredObject): void {
  const vclock = { "X-Riak-Vclock": encodeClock(dotsOf(object)) };
  const only = onlyOf(object);
  if (only !== undefined) return send(response, 200, { ...headersOf(only), ...vclock }, only.body);
  if (!/multipart\/mixed/.test(headers.accept ?? ""))
    return sendText(response, 300, `Siblings:\n${object.siblings.map(({ tag }) => `${tag}\n`).join("")}`, vclock);
  const boundary = randomBytes(16).toString("hex");
  const parts = object.siblings.map((sibling) => {
    const lines = Object.entries(headersOf(sibling)).map(([name, value]) => `${name}: ${value}\r\n`);
    return `\r\n--${boundary}\r\n${lines.join("")}\r\n${sibling.body ?? ""}`;
  });
  send(response, 300, { "Content-Type": `multipart/mixed; boundary=${boundary}`, ...vclock }, `${parts.join("")}\r\n--${boundary}--\r\n`);
}

function sendMissing(response: ServerResponse, object: StoredObject | undefined): void {
  const deleted = object === undefined ? {} : { "X-Riak-Vclock": encodeClock(dotsOf(object)), "X-Riak-Deleted": "true" };
  sendText(response, 404, "not found\n", deleted);
}

/** Whether the conditions of a request hold for an object; those of one that is deleted are those of none. */
function conditionsHold({ headers }: IncomingMessage, object: StoredObject | undefined): boolean {
  if (isGone(object)) return headers["if-match"] === undefined;
  if (headers["if-none-match"] === "*") return false;
  return headers["if-match"] === undefined || headers["if-match"] === `"${onlyOf(object)?.tag}"`;
}

function indexesOf({ headers }: IncomingMessage): Record<string, string[]> {
  const prefix = "x-riak-index-";
  const pairs = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(pairs.map(([name, value]) => [name.slice(prefix.length), String(value).split(/,\s/)]));
}

/** Other requests come between what is asked and what is done. */
const turn = (): Promise<void> => new Promise((resolve) => void (Math.random() < 0.5 ? setImmediate(resolve) : setTimeout(resolve, 1)));

interface Place {
  readonly bucket: string;
  readonly key: string;
}

async function onObject(request: IncomingMessage, response: ServerResponse, { bucket, key }: Place, body: string, query: URLSearchParams) {
  const found = (): StoredObject | undefined => bucketOf(bucket).objects.get(key);
  const object = found();
  if (request.method === "GET") return isGone(object) ? sendMissing(response, object) : sendObject(request, response, object);
  if (request.method === "DELETE" && isGone(object)) return sendMissing(response, object);
  if (!conditionsHold(request, object)) return send(response, 412);
  await turn();
  const clock = request.headers["x-riak-vclock"];
  const seen = clock === undefined ? undefined : decodeClock(String(clock));
  if (request.method === "DELETE") {
    write(bucket, key, seen ?? dotsOf(found()), { isTombstone: true });
    return send(response, 204);
  }
  const type = request.headers["content-type"];
  if (type === undefined) return sendText(response, 400, "Missing Content-Type request header");
  const indexes = indexesOf(request);
  if (Object.keys(indexes).some((field) => !/_(bin|int)$/.test(field))) return sendText(response, 400, "Unknown field type for field\n");
  const written = write(bucket, key, seen ?? [], { body, type, indexes });
  return query.get("returnbody") === "true" ? sendObject(request, response, written) : send(response, 204);
}

interface IndexRange {
  readonly bucket: string;
  readonly field: string;
  readonly start: Buffer;
  readonly end: Buffer;
}

function onIndex(response: ServerResponse, { bucket, field, start, end }: IndexRange, query: URLSearchParams): void {
  const pairs = [...bucketOf(bucket).objects].flatMap(([key, { siblings }]): [term: string, key: string][] => {
    if (field === "$key") return [[key, key]];
    return [...new Set(siblings.flatMap(({ indexes }) => indexes?.[field] ?? []))].map((term) => [term, key]);
  });
  const most = query.has("max_results") ? Number(query.get("max_results")) : undefined;
  const inside = pairs.filter(([term]) => Buffer.from(term).compare(start) >= 0 && Buffer.from(term).compare(end) <= 0);
  // Without these the order is any.
  if (most !== undefined || query.get("pagination_sort") === "true")
    inside.sort(([a, k], [b, l]) => Buffer.from(a).compare(Buffer.from(b)) || Buffer.from(k).compare(Buffer.from(l)));
  const found = inside.slice(0, most);
  const continuation = found.length === most ? { continuation: Buffer.from(String(found.at(-1))).toString("base64") } : {};
  if (query.get("return_terms") === "true")
    return sendJson(response, { results: found.map(([term, key]) => ({ [term]: key })), ...continuation });
  sendJson(response, { keys: found.map(([, key]) => key), ...continuation });
}

/** The bytes of a part of a path, which need not be UTF-8. */
function decodeBytes(part: string): Buffer {
  return Buffer.from(
    part.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

async function answer(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
  const [path = "", search = ""] = (request.url ?? "").split("?");
  const query = new URLSearchParams(search);
  const parts = path.split("/").slice(1);
  if (parts[0] === "ping") return sendText(response, 200, "OK");
  if (parts[0] === "types") parts.splice(0, 2);
  if (parts[0] !== "buckets") return sendText(response, 404, "not found\n");
  const [bucket, what, first, ...more] = parts.slice(1).map(decodeBytes);
  if (bucket === undefined)
    return sendJson(response, { buckets: [...buckets].filter(([, { objects }]) => objects.size > 0).map(([name]) => name) });
  const own = bucketOf(String(bucket));
  switch (String(what)) {
    case "props":
      if (request.method === "GET") return sendJson(response, { props: { name: String(bucket), ...own.props } });
      record({ bucket: String(bucket), props: { ...own.props, ...(JSON.parse(body) as { props: object }).props } });
      return send(response, 204);
    case "keys":
      if (first !== undefined) return onObject(request, response, { bucket: String(bucket), key: String(first) }, body, query);
      return sendJson(response, { keys: [...own.objects].filter(([, object]) => !isGone(object)).map(([key]) => key) });
    case "index": {
      const [start, end = start] = more;
      if (start !== undefined) return onIndex(response, { bucket: String(bucket), field: String(first), start, end: end! }, query);
    }
  }
  sendText(response, 404, "not found\n");
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    if (body.length > mostBytes) return sendText(response, 413, "Object too large\n");
    answer(request, response, body.toString()).catch((error: unknown) => sendText(response, 500, String(error)));
  });
});
// Longer than clients keep idle connections, so that none is closed under a request that has just been sent.
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1");
