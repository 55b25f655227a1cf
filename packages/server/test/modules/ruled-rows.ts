// Rows of modules' tables under rules, and requests at random, for rules-tell.test.ts.
import { accounts, type BackendModule, connections, counters, files, icons, locations, messages, pages, status } from "@bk/modules";

import type { Random } from "../../../db/test/model/random.js";
import type { ServerOptions } from "../../src/index.js";

export type Row = Record<string, unknown>;

export const modules = (): BackendModule[] => [
  accounts({ columns: { team: {} }, subscribe: { intervalMs: 0 } }),
  connections({ columns: { note: {} } }),
  counters({ columns: { wave: { pub: true } } }),
  messages({ columns: { label: {}, note: {} } }),
  status({ columns: { mood: { pub: true } } }),
  locations({ columns: { tag: { pub: true }, note: { pub: true } } }),
  files(),
  icons(),
  pages(),
];

const own = { id: "$account.id" };
const needed = { message: ["id", "box", "mtime", "sender", "read"], place: ["id", "latitude", "longitude", "name"] };
export const rules: NonNullable<ServerOptions["moduleRules"]> = {
  bk_account: [
    { read: { id: "$account.id" }, update: { id: "$account.id" } },
    { read: { team: "red" }, columns: { read: ["id", "name", "team"] } },
    { to: "editor", read: { team: "blue" } },
  ],
  bk_message: [
    { read: { label: { $in: ["open", "shut"] } }, columns: { read: [...needed.message, "label", "msg"] } },
    { read: { label: "open" }, update: { label: "open" }, del: { label: "open" } },
    { to: "editor", add: { label: { $in: ["open", "held"] } } },
  ],
  bk_sent: { read: { label: "open" }, del: { label: "open" } },
  bk_connection: [
    { read: { status: { $ne: "held" } }, columns: { read: ["id", "type", "peer", "status", "name"] } },
    { read: { status: "open" }, add: { status: "open" }, update: { status: "open" }, del: { status: "open" } },
  ],
  bk_reference: { read: { status: "open" }, columns: { read: ["id", "type", "peer", "status"] } },
  bk_counter: [
    { read: { ping: { $gt: 1 } }, columns: { read: ["id", "ping"] } },
    { read: own, add: own, update: own, columns: { read: ["id", "ping", "wave"] } },
    { to: "editor", read: true },
  ],
  bk_status: [{ read: { mood: "calm" } }, { read: own, add: own, update: own }],
  bk_location: [
    { read: { tag: "open" }, columns: { read: [...needed.place, "tag"] } },
    { read: own, add: own, update: own },
  ],
  bk_file: { read: { type: "text/plain" }, del: { type: "text/plain" } },
  bk_icon: { read: { width: 1 }, columns: { read: ["id", "name", "prefix", "type", "acl_allow", "ext", "size", "width"] } },
  bk_pages: [
    { to: "anonymous", read: { icon: "open" }, columns: { read: ["id", "pub", "userid", "version", "mtime", "title", "icon"] } },
    { read: { icon: { $in: ["open", "mine"] } }, update: { icon: "mine" } },
  ],
};

export const people = ["eve", "ed", "bob", "ann"];
export type Name = keyof typeof keys;
export const keys = {
  bk_account: ["id"],
  bk_message: ["id", "box", "mtime"],
  bk_sent: ["id", "mtime", "recipient"],
  bk_connection: ["id", "type", "peer"],
  bk_reference: ["id", "type", "peer"],
  bk_counter: ["id"],
  bk_status: ["id"],
  bk_location: ["id"],
  bk_file: ["id", "path"],
  bk_icon: ["id", "name"],
  bk_pages: ["id"],
} as const satisfies Record<string, readonly string[]>;

/** What of a row somebody sees, worked out apart from the rules; of other columns nothing may be told. */
export function seenIn(login: string, name: Name, row: Row): readonly string[] {
  const all = Object.keys(row);
  const only = (is: boolean, names: readonly string[] = all): readonly string[] => (is ? names : []);
  switch (name) {
    case "bk_account":
      if (row["id"] === login || (login === "ed" && row["team"] === "blue")) return all;
      return only(login !== "nobody" && row["team"] === "red", ["id", "name", "team"]);
    case "bk_message":
      return row["label"] === "open" ? all : only(row["label"] === "shut", [...needed.message, "label", "msg", "token"]);
    case "bk_connection":
      return row["status"] === "open" ? all : only(row["status"] === "shut", ["id", "type", "peer", "status", "name"]);
    case "bk_sent":
      return only(row["label"] === "open");
    case "bk_reference":
      return only(row["status"] === "open", ["id", "type", "peer", "status", "silent"]);
    case "bk_counter":
      if (row["id"] === login && login !== "ed") return ["id", "ping", "wave"];
      return login === "ed" ? all : only((row["ping"] as number) > 1, ["id", "ping"]);
    case "bk_status":
      return only(row["mood"] === "calm" || row["id"] === login);
    case "bk_location":
      return row["id"] === login ? all : only(row["tag"] === "open", [...needed.place, "tag", "about_latitude", "about_longitude"]);
    case "bk_file":
      return only(row["type"] === "text/plain");
    case "bk_icon":
      return only(row["width"] === 1, ["id", "name", "prefix", "type", "acl_allow", "ext", "size", "width", "object", "etag"]);
    case "bk_pages":
      if (login !== "nobody" && ["open", "mine"].includes(row["icon"] as string)) return all;
      return only(row["icon"] === "open", ["id", "pub", "userid", "version", "mtime", "title", "icon", "book"]);
  }
}

export const keyed = (name: Name, row: Row): Row => Object.fromEntries(keys[name].map((column) => [column, row[column]]));

/** A row of somebody's; `at` makes its key one of its own. */
export function randomRow(random: Random, name: Name, at: number): Row {
  const text = (): string => random.pick(["sea", "sun", "sky", "ice"]);
  const other = random.pick(people);
  const id = people[at % people.length]!;
  const label = random.pick(["open", "shut", "held"]);
  switch (name) {
    case "bk_account":
      return { id, login: id, name: text(), team: random.pick(["red", "blue", "black"]), city: text() };
    case "bk_message":
      return {
        id,
        box: random.pick(["inbox", "archive"]),
        mtime: at + 1,
        sender: other,
        msg: text(),
        label,
        note: text(),
        name: text(),
        read: random.below(2),
        token: `t${at}`,
      };
    case "bk_sent":
      return { id, mtime: at + 1, recipient: other, msg: text(), label, note: text(), token: `s${at}` };
    case "bk_connection":
      return { id, type: `t${at}`, peer: other, status: label, note: text(), name: text(), silent: false, counted: false, told: false };
    case "bk_reference":
      return { id, type: `r${at}`, peer: other, status: label, note: text(), name: text(), silent: false };
    case "bk_counter":
      return { id, ping: random.below(4), wave: random.below(4), like0: random.below(4) };
    case "bk_status":
      return { id, name: text(), status: random.pick(["online", "busy"]), mood: random.pick(["calm", "shy"]), atime: 5, mtime: 5 };
    case "bk_location": {
      const near = 10 + random.below(9) / 100;
      const place = { latitude: near, longitude: 20, about_latitude: near, about_longitude: 20 };
      return { id, name: text(), ...place, tag: random.pick(["open", "held"]), note: text(), location: text() };
    }
    case "bk_file": {
      const name = `f${at}`;
      const kind = random.pick(["text/plain", "image/png"]);
      return {
        id,
        path: `p/${name}`,
        prefix: "p",
        name,
        size: 3,
        type: kind,
        sha256: "ab".repeat(32),
        acl_allow: "all",
        object: `o${at}`,
        mtime: 5,
      };
    }
    case "bk_icon": {
      const named = { name: `p:i${at}`, prefix: "p", type: `i${at}` };
      const facts = { ext: "png", size: 3, width: random.pick([1, 2]), descr: text(), tags: [text()] };
      return { id, ...named, ...facts, acl_allow: "all", object: `o${at}`, etag: `"e${at}"` };
    }
    case "bk_pages": {
      const said = { title: text(), subtitle: text(), content: text(), icon: random.pick(["open", "mine", "held"]) };
      return { id: `p${at}`, ...said, toc: false, pub: true, userid: id, version: 1, mtime: at + 1, book: "pages" };
    }
  }
}

/** A request of a module's endpoint. */
export function randomRequest(random: Random): readonly [path: string, json: Row] {
  const text = (): string => random.pick(["sea", "sun", "sky", "ice"]);
  const id = random.pick([...people, "none"]);
  const ids = random.some(people, 0.7);
  const label = random.pick(["open", "shut", "held"]);
  const maybe = (chance: number, row: Row): Row => (random.chance(chance) ? row : {});
  const which = random.chance(0.7) ? { mtime: random.below(24) + 1 } : { _all: true };
  const listed = (columns: readonly string[]): Row => ({
    ...maybe(0.3, { _sort: random.pick(columns) }),
    ...maybe(0.3, { _desc: true }),
    ...maybe(0.2, { _select: random.some(columns, 0.4).concat(columns[0]!) }),
    ...maybe(0.2, { _total: true }),
    _count: random.pick([1, 2, 50]),
    ...maybe(0.2, { _details: true }),
  });
  const message = ["mtime", "sender", "msg", "label", "note", "read"];
  const edge = { peer: id, type: random.pick([`t${random.below(24)}`, `r${random.below(24)}`, "like"]) };
  const edges = ["type", "peer", "status", "note", "name"];
  return random.pick<() => readonly [string, Row]>([
    () => ["/account/get", ids.length === 0 ? {} : { id: ids }],
    () => [
      "/account/select",
      { ...maybe(0.7, { name: text() }), ...maybe(0.3, { team: "red" }), ...withoutDetails(listed(["name", "team", "city"])) },
    ],
    () => ["/account/update", { city: text(), ...maybe(0.3, { id }) }],
    () => [
      "/message/get",
      { ...listed(message), ...maybe(0.3, { label }), ...maybe(0.2, { msg: text() }), ...maybe(0.2, { note: text() }) },
    ],
    () => ["/message/get", { q: "s", ...maybe(0.3, { _archive: true }), ...maybe(0.2, { _trash: true }) }],
    () => ["/message/get/archive", { ...listed(message), ...maybe(0.3, { label }), ...maybe(0.2, { note: text() }) }],
    () => ["/message/get/unread", {}],
    () => ["/message/get/sent", { ...listed(["mtime", "recipient", "msg", "label", "note"]), ...maybe(0.3, { label }) }],
    () => ["/message/read", which],
    () => ["/message/archive", which],
    () => ["/message/update", { ...which, ...random.pick<Row>([{ note: text() }, { label }, { flags: [text()] }]) }],
    () => [random.pick(["/message/del", "/message/del/archive"]), which],
    () => ["/message/del/sent", which],
    () => ["/message/add", { id: ids.concat(id), msg: text(), label, _publish: false }],
    () => ["/connection/get", edge],
    () => ["/reference/get", edge],
    () => [
      random.pick(["/connection/select", "/reference/select"]),
      { ...listed(edges), ...maybe(0.3, { status: label }), ...maybe(0.3, { note: text() }) },
    ],
    () => [
      random.pick(["/connection/update", "/connection/put", "/connection/add"]),
      { ...edge, type: "like", ...maybe(0.8, { status: label }), _connected: true, _publish: false },
    ],
    () => ["/connection/update", { ...edge, ...random.pick<Row>([{ note: text() }, { status: label }]), _publish: false }],
    () => ["/connection/del", edge],
    () => ["/counter/get", { id }],
    () => ["/counter/incr", { ...maybe(0.5, { id }), ping: 1 }],
    () => ["/counter/update", { wave: 1 }],
    () => ["/status/get", { id: ids.concat(id) }],
    () => ["/status/put", { status: "busy", ...maybe(0.5, { mood: "calm" }) }],
    () => [
      random.pick(["/location/search", "/account/select/location"]),
      {
        latitude: 10,
        longitude: 20,
        distance: 20,
        _count: 2,
        ...maybe(0.3, { tag: "open" }),
        ...maybe(0.3, { note: text() }),
        ...maybe(0.3, { name: text() }),
      },
    ],
    () => ["/location/put", { latitude: 10, longitude: 20 }],
    () => ["/file/select", { id, _count: random.pick([1, 50]) }],
    () => ["/file/del", { prefix: "p", name: `f${random.below(24)}` }],
    () => ["/icon/select", { prefix: "p", id }],
    () => ["/pages/get", { id: `p${random.below(24)}` }],
    () => [
      "/pages/select",
      {
        _count: random.pick([1, 50]),
        ...maybe(0.3, { icon: "open" }),
        ...maybe(0.3, { title: text() }),
        ...maybe(0.3, { subtitle: text() }),
      },
    ],
    () => ["/pages/history", { id: `p${random.below(24)}` }],
    () => ["/pages/put", { id: `p${random.below(24)}`, ...random.pick<Row>([{ content: text() }, { icon: "mine", title: text() }]) }],
    () => ["/pages/del", { id: `p${random.below(24)}` }],
  ])();
}

function withoutDetails({ _details, ...row }: Row): Row {
  return row;
}
