// Nobody sets a column that is not theirs to set, whatever endpoint takes it and whatever way it is given in. Endpoints, columns and what
// is to be said of these come from their own descriptions; what became of a request is looked for in the database.

import { randomUUID } from "node:crypto";

import { addAccount, authTables } from "@bk/auth";
import { callsOf, type Endpoint } from "@bk/modules";
import { type ColumnDefinition, type ColumnDefinitions, table, type TableDefinitions } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { writeCalls } from "../../src/data/writes.js";
import { temporaryFolder } from "../run-cli.js";
import { masterKey, type Reply, startServer, tables as plain, type TestServer } from "../start-server.js";
import { everyEndpoint, pathOf, samplesOf } from "./every-endpoint.js";
import { goodImage } from "./hostile-files.js";
import { type Attempt, waysIn } from "./ways-in.js";

/** Of the ways each name gets a share, another one than its neighbour; with BK_FULL_E2E=1 all of them. */
const isWhole = process.env["BK_FULL_E2E"] === "1";
const shares = isWhole ? 1 : 50;

/** They answer when there is something to tell. */
const waiting: ReadonlySet<string> = new Set(["/account/subscribe", "/channel", "/push"]);

const dataTables = {
  note: plain.note,
  diary: plain.diary,
  ruled: table(
    { id: { primary: 1 }, owner: { index: 1 }, text: {}, rank: { admin: true }, made: { type: "now", readonly: true } },
    {
      rules: {
        read: { owner: "$account.id" },
        add: { owner: "$account.id" },
        update: { owner: "$account.id" },
        del: { owner: "$account.id" },
      },
    },
  ),
} satisfies TableDefinitions;

/** Tables whose key begins with something else than whose a row is. */
const ownerless: ReadonlySet<string> = new Set(
  "bk_nonce bk_session bk_key bk_auth bk_pages bk_page_version bk_connection_task bk_pico_channel bk_pico_message"
    .concat(" bk_push_app bk_push_client bk_push_message bk_push_state note ruled")
    .split(" "),
);
/** Columns that say whose or whom, beside the first one of the key. */
const whose: ReadonlySet<string> = new Set(["userid", "author", "sender", "owner"]);
/** Names by which a request says whose or whom. */
const whom: ReadonlySet<string> = new Set([...whose, "id", "peer", "account"]);
/** What others may write for an account: messages, their connections to it, what it is told and how often it was pinged. */
const fromOthers: ReadonlySet<string> = new Set(["bk_message", "bk_reference", "bk_event", "bk_counter", "bk_connection_task"]);
/** Noted of every request. */
const unread: ReadonlySet<string> = new Set(["bk_nonce"]);

type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

const columnsIn = (definition: unknown): ColumnDefinitions =>
  ((definition as { readonly columns?: ColumnDefinitions }).columns ?? definition) as ColumnDefinitions;

/** Whether nobody but an admin, or nobody at all, says what a column holds. */
function isProtected(name: string, column: string, { admin, secure, hidden, readonly, primary, type }: ColumnDefinition): boolean {
  if (admin === true || hidden === true || readonly === true || whose.has(column)) return true;
  // Owners set what even they do not read, in tables of an app.
  if (secure === true) return !Object.hasOwn(dataTables, name);
  return (primary === 1 && !ownerless.has(name)) || (type === "counter" && /[01]$/.test(column));
}

describe.each(["memory:", "sqlite::memory:"])(
  "columns that are not for the caller to set, on %s",
  { timeout: isWhole ? 3_600_000 : 300_000 },
  (db) => {
    const home = temporaryFolder();
    const { found, modules } = everyEndpoint();
    const tables = new Map<string, ColumnDefinitions>();
    /** Protected columns by name, with what is to be given for them. */
    const names = new Map<string, ColumnDefinition>();
    let test: TestServer;
    let icon: string;
    let count = 0;

    beforeAll(async () => {
      const all = modules();
      test = await startServer({ db, modules: all, tables: dataTables, home: home.path });
      const defined = Object.assign({}, authTables, dataTables, ...all.map((module) => module.tables)) as TableDefinitions;
      for (const [name, definition] of Object.entries(defined)) {
        if (unread.has(name)) continue;
        tables.set(name, columnsIn(definition));
        for (const [column, given] of Object.entries(columnsIn(definition))) if (isProtected(name, column, given)) names.set(column, given);
      }
      icon = (await goodImage()).toString("base64");
      await seed();
    });
    afterAll(async () => {
      await test?.server.close();
      home[Symbol.dispose]();
    });

    /** Rows of eve, which are to stay as they are. */
    async function seed(): Promise<void> {
      const { bob, eve } = test.ids as { readonly bob: string; readonly eve: string };
      const call = async (login: string, path: string, json: object): Promise<void> => {
        const reply = await test.call(login, path, { json });
        expect([path, reply.status, reply.text]).toEqual([path, 200, expect.anything()]);
      };
      for (const login of ["eve", "bob"]) {
        await call(login, "/account/update", { name: login });
        await call(login, "/icon/put", { prefix: "album", type: "x", icon });
        await call(login, "/file/put", { prefix: "album", name: "x", text: "x" });
        await call(login, "/connection/add", { peer: login === "eve" ? bob : eve, type: "like" });
        await call(login, "/message/add", { id: login === "eve" ? bob : eve, msg: "hello" });
        await call(login, "/counter/put", { ping: 1 });
        await call(login, "/location/put", { latitude: 1, longitude: 1 });
        await call(login, "/status/put", { status: "here" });
        await call(login, "/pages/put", { id: `page-of-${login}`, title: "x", content: "x" });
        await call(login, "/data/add/note", { id: randomUUID(), text: "x" });
        await call(login, "/data/add/diary", { day: 1, text: "x" });
        await call(login, "/data/add/ruled", { id: `ruled-of-${login}`, owner: test.ids[login], text: "x" });
      }
    }

    async function everything(): Promise<Rows> {
      const calls = callsOf(test.server.db);
      const rows: Record<string, Readonly<Record<string, unknown>>[]> = {};
      for (const name of tables.keys()) for await (const row of calls.scan(name, {})) (rows[name] ??= []).push(row);
      return rows;
    }

    /** A request that an endpoint takes, of those that write columns. */
    function goodFields({ path }: Endpoint): Record<string, unknown> | undefined {
      const eve = test.ids["eve"];
      const given: Readonly<Record<string, object | undefined>> = {
        "/account/add": { login: `new${count}`, secret: "the secret of a new account", name: "new" },
        "/account/update": { name: "another" },
        "/connection/add": { peer: eve, type: `t${count}` },
        "/connection/put": { peer: eve, type: "like" },
        "/connection/update": { peer: eve, type: "like", status: "x" },
        "/counter/put": { ping: 1 },
        "/counter/update": { ping: 1 },
        "/counter/incr": { ping: 1 },
        "/location/put": { latitude: count % 80, longitude: 2 },
        "/message/add": { id: eve, msg: "x" },
        "/message/update": { sender: eve, read: 1 },
        "/status/put": { status: "x" },
        "/pages/put": { title: "x", content: `${count}` },
        "/file/put": { prefix: "p", name: "x", text: "x" },
        "/file/add": { prefix: "p", name: "x", text: "x" },
      };
      return given[path] as Record<string, unknown> | undefined;
    }

    /** What a request would have done that it may not: nothing where it was refused, and never to a protected column. */
    function expectHarmless(
      where: unknown,
      { status }: Reply,
      { marker, name }: Attempt,
      own: ReadonlySet<string>,
      before: Rows,
      after: Rows,
    ): void {
      if (status >= 400) return expect({ where, status, rows: after }).toEqual({ where, status, rows: before });
      const eve = test.ids["eve"]!;
      for (const [tableName, columns] of tables) {
        const rows = after[tableName] ?? [];
        for (const [column, definition] of Object.entries(columns)) {
          if (!isProtected(tableName, column, definition) || (own.has(name) && column === name && definition.admin !== true)) continue;
          const forged = rows.filter((row) => JSON.stringify(row[column] ?? null).includes(marker));
          if (marker !== eve) expect({ where, tableName, column, forged }).toEqual({ where, tableName, column, forged: [] });
        }
        const ofEve = (all: Rows): unknown => (all[tableName] ?? []).filter((row) => isOfEve(tableName, row, columns));
        expect({ where, tableName, rows: ofEve(after) }).toEqual({ where, tableName, rows: ofEve(before) });
      }
      for (const row of after["bk_auth"] ?? []) {
        const { login, type, flags, acl_allow, acl_deny, rlimits_max, rlimits_rate, expires } = row;
        const given = [type, flags, acl_allow, acl_deny, rlimits_max, rlimits_rate, expires].map((value) => value ?? null);
        if (login !== "root") expect({ where, login, given }).toEqual({ where, login, given: given.map(() => null) });
      }
    }

    /** Whether a row is eve's to write alone: she does nothing while others try. */
    function isOfEve(tableName: string, row: Readonly<Record<string, unknown>>, columns: ColumnDefinitions): boolean {
      return Object.entries(columns).some(
        ([column, { primary }]) =>
          row[column] === test.ids["eve"] && (whose.has(column) || ((primary === 1 || column === "id") && !fromOthers.has(tableName))),
      );
    }

    /** What is given for a column, and what to look for. */
    function valueFor(name: string, { type = "text" }: ColumnDefinition): Pick<Attempt, "marker" | "value"> {
      const marker = `forged${++count}`;
      const number = 870_000_000 + count;
      if (name === "type") return { marker, value: `admin,${marker}` };
      if (whom.has(name)) return { marker: test.ids["eve"]!, value: test.ids["eve"]! };
      if (["int", "bigint", "real", "counter", "now"].includes(type)) return { marker: String(number), value: number };
      if (type === "bool") return { marker, value: true };
      return { marker, value: type === "list" ? [marker] : type === "json" ? { marker } : marker };
    }

    async function newAccount(): Promise<string> {
      const login = `own${++count}`;
      await addAccount(test.server.db, { login, name: "own", secret: `secret of ${login}` }, { masterKey });
      return login;
    }

    interface Target {
      readonly path: string;
      readonly takesFiles?: boolean;
      /** What makes a request good, of an account. */
      fields(login: string): Promise<Readonly<Record<string, unknown>>>;
      /** Names that the endpoint takes as parameters. */
      readonly own?: ReadonlySet<string>;
      /** Whether it is known what makes a request good. */
      readonly isKnown: boolean;
    }

    /** Tries all names at one endpoint, each in its share of the ways. @returns how many requests were taken, and how many there were */
    async function tryAll(
      target: Target,
      forged: readonly (readonly [string, ColumnDefinition])[],
    ): Promise<readonly [taken: number, tried: number]> {
      const { path, takesFiles = false, own = new Set<string>() } = target;
      let login = await newAccount();
      if (target.isKnown) {
        const reply = await test.call(login, path, { json: await target.fields(login) });
        expect([path, reply.status, reply.text]).toEqual([path, 200, expect.anything()]);
      }
      let [taken, tried] = [0, 0];
      for (const [at, [name, definition]] of forged.entries()) {
        for (const { what, request } of waysIn(path, takesFiles).filter((_way, i) => (i + at) % shares === 0)) {
          const attempt: Attempt = { name, ...valueFor(name, definition), fields: await target.fields(login) };
          const before = await everything();
          const { target: url, ...options } = request(attempt);
          const reply = await test.call(login, url, options);
          const where = [path, what, name];
          expect({ where, status: reply.status, fails: reply.status >= 500 }).toMatchObject({ where, fails: false });
          expectHarmless(where, reply, attempt, own, before, await everything());
          [tried, taken] = [tried + 1, taken + (reply.status < 400 ? 1 : 0)];
          // It has removed itself, or has another secret now.
          if (reply.status === 200 && /^\/account\/(del|put)/.test(path)) login = await newAccount();
        }
      }
      return [taken, tried];
    }

    it("are set by no endpoint of a module", async () => {
      let all = 0;
      for (const { endpoint } of found) {
        if (waiting.has(endpoint.path) || endpoint.who === "admin") continue;
        const own = new Set(Object.keys(endpoint.parameters ?? {}));
        const forged = [...names].filter(([name]) => !own.has(name) || whom.has(name) || name === "type");
        // What only reads is asked less.
        const some = endpoint.changes === true ? forged : forged.filter((_name, i) => i % 8 === 0);
        const known = goodFields(endpoint);
        const fields = async (login: string): Promise<Readonly<Record<string, unknown>>> => {
          const peer = test.ids["eve"];
          if (endpoint.path === "/connection/update") await test.call(login, "/connection/put", { json: { peer, type: "like" } });
          return goodFields(endpoint) ?? samplesOf(endpoint);
        };
        const target = {
          path: pathOf(endpoint),
          takesFiles: endpoint.maxBodyBytes !== undefined,
          fields,
          own,
          isKnown: known !== undefined,
        };
        all += (await tryAll(target, some))[1];
      }
      expect(all).toBeGreaterThan(2_000);
    });

    it("are set by no call of the data API", async () => {
      for (const [tableName, definition] of Object.entries(dataTables))
        for (const call of writeCalls) {
          const columns = columnsIn(definition);
          const forged = Object.entries(columns).filter(([column, given]) => isProtected(tableName, column, given));
          // The least that the call takes, of a row of the account's own.
          const fields = async (login: string): Promise<Record<string, unknown>> => {
            const id = (await callsOf(test.server.db).get("bk_auth", { login }))!["id"];
            const key: Record<string, unknown> = tableName === "diary" ? { day: ++count } : { id: randomUUID() };
            const row = { ...key, text: "x", ...(tableName === "ruled" ? { owner: id } : {}) };
            if (call === "add" || call === "put") return row;
            expect((await test.call(login, `/data/add/${tableName}`, { json: row })).status).toBe(200);
            if (call === "update") return { ...key, text: "y" };
            return call === "del"
              ? key
              : { ...key, ...(tableName === "diary" ? { mood: 1 } : {}), ...(tableName === "note" ? { stars: 1 } : {}) };
          };
          const isKnown = call !== "incr" || tableName !== "ruled";
          const [taken, tried] = await tryAll({ path: `/data/${call}/${tableName}`, fields, isKnown }, [...forged, ["type", {}]]);
          expect([tableName, call, tried > 0, taken < tried]).toEqual([tableName, call, true, true]);
        }
    });
  },
);
