// All the ways in which a request can name a column: what is refused in one of them must not come in by another.

import { randomUUID } from "node:crypto";

import type { CallOptions } from "../start-server.js";

export interface Attempt {
  /** The column that is to be set. */
  readonly name: string;
  readonly value: unknown;
  /** What the value is known by, wherever it turns up. */
  readonly marker: string;
  /** What makes the request good without it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

type WayRequest = CallOptions & { readonly target: string };

export interface WayIn {
  readonly what: string;
  request(attempt: Attempt): WayRequest;
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const pairs = (entries: readonly (readonly [string, unknown])[]): string =>
  entries.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(asText(value))}`).join("&");

const boundary = "a-boundary-of-ways-in";
const part = ([name, value]: readonly [string, unknown]): string =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${asText(value)}\r\n`;

/** Names that could come to stand for one. */
const otherNames = (name: string): readonly string[] => [
  name.toUpperCase(),
  name[0]!.toUpperCase() + name.slice(1),
  ` ${name}`,
  `${name} `,
  `${name}\0`,
  `_${name}`,
  `$${name}`,
  `${name}[]`,
  `${name}[0]`,
  `[${name}]`,
  `row[${name}]`,
  `bk_auth[${name}]`,
  `row.${name}`,
  `bk_auth.${name}`,
  `${name}|id`,
  `id,${name}`,
  `__proto__[${name}]`,
  `constructor[prototype][${name}]`,
  // Letters that fold into others.
  name.replace("i", "\u0131").replace("s", "\u017f").replace("k", "\u212a"),
];

/** Objects that could be laid open. */
const wrappers: readonly string[] = [
  "row",
  "columns",
  "values",
  "data",
  "account",
  "set",
  "$set",
  "_row",
  "query",
  "item",
  "__proto__",
  "prototype",
];

/** @param takesFiles  whether forms with files are read there; elsewhere that is refused as a whole, which is tried too */
export function waysIn(path: string, takesFiles: boolean): readonly WayIn[] {
  const json = (text: string): WayRequest => ({
    target: path,
    method: "POST",
    body: text,
    contentType: "application/json",
    headers: { "content-type": "application/json" },
  });
  const form = (type: string, body: string): WayRequest => ({
    target: path,
    method: "POST",
    body,
    contentType: type,
    headers: { "content-type": type },
  });
  const urlForm = (entries: readonly (readonly [string, unknown])[]): WayRequest =>
    form("application/x-www-form-urlencoded", pairs(entries));
  const multipart = (entries: readonly (readonly [string, unknown])[]): WayRequest =>
    form(`multipart/form-data; boundary=${boundary}`, `${entries.map(part).join("")}--${boundary}--\r\n`);
  /** Members as they are written, so that names may come twice and `__proto__` is one. */
  const members = (entries: readonly (readonly [string, unknown])[]): string =>
    `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
  const with_ = ({ fields }: Attempt, ...more: readonly (readonly [string, unknown])[]): (readonly [string, unknown])[] => [
    ...Object.entries(fields),
    ...more,
  ];
  const way = (what: string, request: (attempt: Attempt) => WayRequest): WayIn => ({ what, request });

  const encodings: readonly (readonly [string, (entries: readonly (readonly [string, unknown])[]) => WayRequest])[] = [
    ["query", (entries) => ({ target: `${path}?${pairs(entries)}`, method: "POST" })],
    ["JSON", (entries) => json(members(entries))],
    ["form", urlForm],
    ...(takesFiles ? ([["multipart", multipart]] as const) : []),
  ];
  return [
    ...encodings.map(([what, encode]) => way(what, (attempt) => encode(with_(attempt, [attempt.name, attempt.value])))),
    ...(takesFiles ? [] : [way("multipart", (attempt) => multipart(with_(attempt, [attempt.name, attempt.value])))]),
    ...encodings.flatMap(([what, encode]) => [
      way(`${what}, twice`, (attempt) => encode(with_(attempt, [attempt.name, "x"], [attempt.name, attempt.value]))),
      way(`${what}, by _ops`, (attempt) => encode(with_(attempt, [attempt.name, attempt.value], ["_ops", `${attempt.name},set`]))),
    ]),
    way("query and JSON", ({ name, value, ...attempt }) => ({
      ...json(members(with_({ name, value, ...attempt }, [name, value]))),
      target: `${path}?${pairs([[name, value]])}`,
    })),
    way("query beside JSON", ({ name, value, ...attempt }) => ({
      ...json(members(with_({ name, value, ...attempt }))),
      target: `${path}?${pairs([[name, value]])}`,
    })),
    way("query beside a form", ({ name, value, ...attempt }) => ({
      ...urlForm(with_({ name, value, ...attempt })),
      target: `${path}?${pairs([[name, value]])}`,
    })),
    way("_ops alone", (attempt) => json(members(with_(attempt, ["_ops", { [attempt.name]: "set" }])))),
    way("an operator", (attempt) => json(members(with_(attempt, [attempt.name, { $set: attempt.value }])))),
    way("an increment", (attempt) => json(members(with_(attempt, [attempt.name, { $incr: attempt.value }])))),
    way("$ref", (attempt) => json(members(with_(attempt, [attempt.name, { $ref: "0.id" }])))),
    way("null", (attempt) => json(members(with_(attempt, [attempt.name, null])))),
    way("constructor", (attempt) => json(members(with_(attempt, ["constructor", { prototype: { [attempt.name]: attempt.value } }])))),
    way("a list of objects", (attempt) => json(`[${members(with_(attempt, [attempt.name, attempt.value]))}]`)),
    ...wrappers.map((wrapper) =>
      way(`in ${wrapper}`, (attempt) => json(members(with_(attempt, [wrapper, { [attempt.name]: attempt.value }])))),
    ),
    ...otherNames("name").map((_name, i) =>
      way(`another name, ${i}`, (attempt) =>
        encodings[i % encodings.length]![1](with_(attempt, [otherNames(attempt.name)[i]!, attempt.value])),
      ),
    ),
    ...["order", "orders"].map((what) =>
      way(`an ${what} of pico`, (attempt) => {
        const data = JSON.parse(members(with_(attempt, [attempt.name, attempt.value]))) as object;
        const order = { api: path, reqId: 1, data };
        return { ...json(JSON.stringify(what === "order" ? [order] : { orders: [order], tx: true })), target: "/pull" };
      }),
    ),
    ...(path.startsWith("/data/") ? batches(path) : []),
  ];
}

/** The same write as an item of a batch. */
function batches(path: string): readonly WayIn[] {
  const [, , op, table] = path.split("/");
  const item = ({ fields, name, value }: Attempt): object => ({ op, table, [op === "del" ? "key" : "row"]: { ...fields, [name]: value } });
  const way = (what: string, items: (attempt: Attempt) => readonly object[], atomic: boolean): WayIn => ({
    what,
    request: (attempt) => ({ target: "/data/batch", json: { items: items(attempt), atomic } }),
  });
  return [
    way("a batch", (attempt) => [item(attempt)], false),
    way("an atomic batch", (attempt) => [item(attempt)], true),
    way("a batch with _ops", (attempt) => [{ ...item(attempt), _ops: { [attempt.name]: "set" } }], true),
    way(
      "a batch, beside the row",
      (attempt) => [{ ...item({ ...attempt, name: "text", value: "x" }), [attempt.name]: attempt.value }],
      true,
    ),
    way(
      "a batch, by $ref",
      (attempt) => [
        { op: "add", table: "note", row: { id: randomUUID(), text: attempt.value } },
        item({ ...attempt, value: { $ref: "0.text" } }),
      ],
      true,
    ),
  ];
}
