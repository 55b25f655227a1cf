// Rules that an app gives to the tables of modules: what a module does for a caller is within them.
import { table } from "@bk/db";
import { accounts, callsOf, connections, counters, files, icons, locations, messages, pages, pico, pushcart, status } from "@bk/modules";
import { describe, expect, it } from "vitest";

import type { ServerOptions } from "../../src/index.js";
import { startServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

const rules: NonNullable<ServerOptions["moduleRules"]> = {
  bk_account: [
    { read: { id: "$account.id" }, update: { id: "$account.id" }, del: { id: "$account.id", status: "leaving" } },
    { read: { city: "Rome" }, columns: { read: ["id", "name", "city"] } },
    { to: "editor", read: true },
  ],
  bk_message: [
    {
      add: { label: { $ne: "spam" } },
      read: { label: { $ne: "held" } },
      update: { label: { $ne: "fixed" } },
      columns: { update: ["read", "flags"] },
    },
    { read: { label: "fixed" }, del: { label: "fixed" } },
    { to: "editor", read: true, update: true, del: true },
  ],
  bk_connection: { read: true, add: { status: { $in: ["new", "old"] } }, update: { status: { $ne: "old" } }, del: { status: "new" } },
  bk_reference: { read: { status: { $ne: "old" } } },
  bk_counter: [
    { read: true, update: true, columns: { read: ["id", "ping"], update: ["ping", "wave"] } },
    { read: { id: "$account.id" }, add: { id: "$account.id" }, update: { id: "$account.id" }, columns: { update: ["ping"] } },
  ],
  bk_status: [
    { read: { mood: { $ne: "shy" } } },
    { read: { id: "$account.id" }, add: true, update: true, del: { mood: { $ne: "stuck" } } },
  ],
};

const all = (): ServerOptions["modules"] => [
  accounts({ subscribe: { intervalMs: 0 } }),
  connections(),
  counters({ columns: { wave: { pub: true } } }),
  messages({ columns: { label: {} } }),
  status({ columns: { mood: { pub: true } } }),
  locations(),
  files(),
  icons(),
  pages(),
  pico(),
];

describe("rules of modules' tables", () => {
  onEngines(
    () => all()!,
    (server) => {
      const call = (login: string, path: string, json: object = {}): ReturnType<typeof server.test.call> =>
        server.test.call(login, path, { json });

      it("are held by accounts: rows, columns, filters and writes", async () => {
        const [ann, ben, cat] = [await server.add("ann"), await server.add("ben"), await server.add("cat")];
        for (const { login } of [ann, ben, cat]) await call(login, "/account/get");
        await call(ben.login, "/account/update", { city: "Rome", phone: "123", email: "ben@x.test" });
        // Ben is in Rome, Cat is nowhere, and everybody is their own.
        const seen = await call(ann.login, "/account/get", { id: [ben.id, cat.id] });
        expect(JSON.parse(seen.text)).toEqual([{ id: ben.id, name: "ben" }]);
        expect((await call(ann.login, "/account/get")).body).toMatchObject({ id: ann.id, name: "ann" });
        expect((await call(ann.login, "/account/select", { name: "cat" })).body).toMatchObject({ data: [] });
        expect((await call(ann.login, "/account/select", { name: "ben", _total: true })).body).toEqual({ count: await romans(ann.login) });
        expect((await call(ann.login, "/message/add", { id: cat.id, msg: "to nobody that there is" })).status).toBe(404);
        expect((await call(ann.login, "/connection/add", { peer: cat.id, type: "like", status: "new" })).status).toBe(404);
        // Who leaves says so first.
        expect((await call(ann.login, "/account/del")).status).toBe(403);
        expect((await call(ann.login, "/account/update", { status: "leaving" })).status).toBe(200);
        expect((await call(ann.login, "/account/del")).status).toBe(200);
      });
      const romans = async (login: string): Promise<number> =>
        ((await call(login, "/account/select", { name: "ben" })).body["data"] as unknown[]).length;

      async function romanPair(): Promise<readonly [Awaited<ReturnType<typeof server.add>>, Awaited<ReturnType<typeof server.add>>]> {
        const both = [await server.add("one"), await server.add("two")] as const;
        for (const { login } of both) await call(login, "/account/update", { city: "Rome" });
        return both;
      }

      it("are held by messages: sent, read, marked, moved and removed", async () => {
        const [ann, ben] = await romanPair();
        const send = (msg: string, label?: string): ReturnType<typeof call> =>
          call(ann.login, "/message/add", { id: ben.id, msg, ...(label === undefined ? {} : { label }) });
        expect((await send("no", "spam")).status).toBe(403);
        for (const label of ["open", "held", "fixed"]) expect((await send(`a ${label} one`, label)).status).toBe(200);
        const inbox = async (): Promise<string[]> =>
          ((await call(ben.login, "/message/get")).body["data"] as { msg: string }[]).map(({ msg }) => msg).sort();
        expect(await inbox()).toEqual(["a fixed one", "a open one"]);
        expect((await call(ben.login, "/message/get/unread")).body).toEqual({ count: 2 });
        expect((await call(ben.login, "/message/get", { _total: true })).body).toEqual({ count: 2 });
        expect((await call(ben.login, "/message/get", { label: "held" })).body).toMatchObject({ data: [] });
        expect((await call(ben.login, "/message/update", { _all: true, label: "mine" })).status).toBe(403);
        expect((await call(ben.login, "/message/update", { _all: true, flags: ["x"] })).status).toBe(200);
        expect((await call(ben.login, "/message/read", { _all: true })).body).toEqual({ count: 1 });
        expect((await call(ben.login, "/message/del", { _all: true })).status).toBe(200);
        expect(await inbox()).toEqual(["a open one"]);
        expect((await call(ben.login, "/message/archive", { _all: true })).body).toEqual({ count: 1 });
        expect((await call(ben.login, "/message/get/archive")).body).toMatchObject({ data: [{ msg: "a open one", flags: ["x"] }] });
        // What was held has waited for whoever may read it.
        expect(await callsOf(server.test.server.db).count("bk_message", { id: ben.id, box: "inbox" })).toBe(1);
      });

      it("are held by connections, and what follows from them is the module's own", async () => {
        const [ann, ben] = await romanPair();
        const edge = (verb: string, more: object = {}): ReturnType<typeof call> =>
          call(ann.login, `/connection/${verb}`, { peer: ben.id, type: "like", ...more });
        expect((await edge("add", { status: "other" })).status).toBe(403);
        expect((await edge("add", { status: "new" })).status).toBe(200);
        expect((await call(ben.login, "/reference/select")).body).toMatchObject({ data: [{ peer: ann.id, type: "like" }] });
        expect((await call(ann.login, "/counter/get")).body).toMatchObject({ like0: 1 });
        expect((await edge("update", { status: "fresh" })).status).toBe(200);
        await edge("del");
        expect((await edge("get")).status).toBe(200);
        expect((await edge("update", { status: "old" })).status).toBe(403);
        expect((await edge("put", { status: "new" })).status).toBe(200);
        expect((await edge("del")).status).toBe(200);
        expect((await edge("get")).status).toBe(404);
        expect((await edge("add", { status: "old" })).status).toBe(200);
        // Ben reads no references to what is old, and Ann changes it no more.
        expect((await call(ben.login, "/reference/select")).body).toMatchObject({ data: [] });
        expect([(await edge("update", { status: "new" })).status, (await edge("put", { status: "new" })).status]).toEqual([404, 403]);
        expect((await call(ann.login, "/counter/get")).body).toMatchObject({ like0: 1 });
      });

      it("are held by counters and statuses", async () => {
        const [ann, ben] = await romanPair();
        await call(ben.login, "/counter/update", { ping: 3 });
        expect((await call(ann.login, "/counter/incr", { id: ben.id, ping: 1 })).status).toBe(403);
        expect((await call(ann.login, "/counter/get", { id: ben.id })).body).toEqual({ id: ben.id, ping: 3 });
        expect((await call(ben.login, "/counter/get")).body).toMatchObject({ ping: 3, wave: 0 });
        expect((await call(ben.login, "/counter/update", { wave: 1 })).status).toBe(200);
        expect((await call(ben.login, "/status/put", { status: "online", mood: "shy" })).status).toBe(200);
        expect(await statusOf(ann.login, ben.id)).toEqual({ id: ben.id, status: "", online: false, mtime: 0 });
        await call(ann.login, "/status/put", { status: "online", mood: "stuck" });
        await call(ann.login, "/status/del");
        expect(await statusOf(ben.login, ann.id)).toMatchObject({ status: "online", mood: "stuck" });
      });
      const statusOf = async (login: string, id: string): Promise<object> => (await call(login, "/status/get", { id })).body;

      it("tell a listener what it reads of a row, then and when it comes back", async () => {
        const [ann, ben] = await romanPair();
        const listen = async (since = "000000000000001"): Promise<Record<string, unknown>[]> =>
          JSON.parse((await server.test.call(ben.login, `/account/subscribe?_interval=0&_timeout=0&_since=${since}`)).text) as Record<
            string,
            unknown
          >[];
        const waiting = server.test.call(ben.login, `/account/subscribe?_interval=0&_timeout=20000&_since=000000000000001`);
        for (const label of ["held", "open"]) await call(ann.login, "/message/add", { id: ben.id, msg: `a ${label} one`, label });
        expect((JSON.parse((await waiting).text) as { msg: string }[]).map(({ msg }) => msg)).toEqual(["a open one"]);
        await call(ann.login, "/connection/add", { peer: ben.id, type: "like", status: "old" });
        await call(ann.login, "/connection/add", { peer: ben.id, type: "follow", status: "new" });
        const told = await listen();
        expect(told.map(({ path, msg, type }) => [path, msg ?? type])).toEqual([
          ["/message/add", "a open one"],
          ["/connection/add", "follow"],
        ]);
        expect(told.some((event) => "_row" in event)).toBe(false);
        // What may not be read any more is not told any more.
        const db = callsOf(server.test.server.db);
        for (const { mtime } of (await db.select("bk_message", { id: ben.id, box: "inbox" })).rows)
          await db.update("bk_message", { id: ben.id, box: "inbox", mtime, label: "held" });
        expect((await listen()).map(({ path, type }) => [path, type])).toEqual([["/connection/add", "follow"]]);
      });

      it("let admins do what the modules let them, and other types what is said for them", async () => {
        const [root, ed, cat] = [await server.add("root", "admin"), await server.add("ed", "editor"), await server.add("cat")];
        for (const { login } of [ed, cat]) await call(login, "/account/get");
        for (const { login } of [root, ed])
          expect(JSON.parse((await call(login, "/account/get", { id: [cat.id] })).text)).toMatchObject([{ id: cat.id, name: "cat" }]);
        expect((await call(root.login, "/account/update", { id: cat.id, city: "Rome" })).status).toBe(200);
        expect((await call(ed.login, "/account/update", { id: cat.id, city: "Oslo" })).status).toBe(403);
      });
    },
    { moduleRules: rules },
  );
});

describe("rules that a module cannot keep", () => {
  const refused = (moduleRules: ServerOptions["moduleRules"], more: Partial<ServerOptions> = {}): Promise<unknown> =>
    startServer({ tables: {}, modules: [...all()!, pushcart()], moduleRules: moduleRules!, ...more }).then(
      async ({ server }) => server.close(),
      (error: unknown) => (error as Error).message,
    );

  it("are refused at the start, naming table and rule", async () => {
    expect(await refused({ bk_message: { read: true, columns: { read: ["id", "msg"] } } })).toMatch(
      /bk_message: rule 1 hides column box, without which messages cannot serve the rows/,
    );
    expect(await refused({ bk_file: [{ read: true }, { add: true, columns: { add: ["name"] } }] })).toMatch(
      /bk_file: rule 2 lets add rows and not set column acl_allow/,
    );
    expect(await refused({ bk_reference: { read: true, update: { type: "like" } } })).toMatch(/bk_reference: rule 1 says update/);
    expect(await refused({ bk_sent: { to: "admin", read: true, add: true } })).toMatch(/bk_sent: rule 1 says add/);
    for (const own of ["bk_event", "bk_connection_task", "bk_page_version", "bk_push_message"])
      expect(await refused({ [own]: { read: true } })).toMatch(new RegExp(`${own}: cannot have rules: it is what the module`));
    expect(await refused({ bk_acount: { read: true } })).toMatch(/bk_acount: is no table of a module that runs/);
    expect(await refused({ bk_auth: { read: true } })).toMatch(/bk_auth: is no table of a module that runs/);
    expect(await refused({ bk_account: { read: { town: "Rome" } } })).toMatch(/bk_account: rule 1, read, .*town/);
    expect(await refused({ bk_account: { read: { city: "$account.town" } } })).toMatch(/bk_account: .*\$account\.town/);
    expect(await refused({ bk_message: { read: { token: "x" }, columns: { read: ["id", "token"] } } })).toMatch(/token.*secure/);
  });

  it("are no way around: neither a table of the app with that name, nor one that refers to it", async () => {
    const own = { bk_account: table({ id: { primary: 1 } }, { rules: { read: true } }) };
    expect(await refused({}, { tables: own })).toMatch(/table bk_account of accounts is another one's too/);
    expect(await refused({}, { tables: { photo: { id: { primary: 1 }, owner: { ref: "bk_account" } } } })).toMatch(/bk_account/);
  });

  it("are read of the tables that a module brings along, too", async () => {
    const { tables, ruled, ...module } = counters();
    const { bk_counter } = tables as { bk_counter: Parameters<typeof table>[0] };
    const own = { ...module, tables: { bk_counter: table(bk_counter, { rules: { read: { ping: { $gt: 0 } } } }) } };
    await using test = await startServer({ tables: {}, modules: [{ ...own, ruled: ruled! }] });
    await callsOf(test.server.db).put("bk_counter", { id: test.ids["eve"]!, ping: 0 });
    expect((await test.call("bob", `/counter/get?id=${test.ids["eve"]}`)).body).toEqual({});
    await callsOf(test.server.db).put("bk_counter", { id: test.ids["eve"]!, ping: 2 });
    expect((await test.call("bob", `/counter/get?id=${test.ids["eve"]}`)).body).toMatchObject({ ping: 2 });
    expect((await test.call("bob", "/counter/incr", { json: { ping: 1 } })).status).toBe(403);
    expect(await refused(undefined, { modules: [own] })).toMatch(/bk_counter: cannot have rules/);
  });
});
