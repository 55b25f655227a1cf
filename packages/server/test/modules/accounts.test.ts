import { randomUUID } from "node:crypto";

import { authTables, dbKeys, type KeyDb, signRequest } from "@bk/auth";
import { signFetch } from "@bk/auth/message-signatures";
import { openDb } from "@bk/db";
import { type BackendModule, accounts, callsOf, counters, locations } from "@bk/modules";
import { describe, expect, it } from "vitest";

import { masterKey, origin, replyOf, type Reply, startServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

/** A module whose data of an account can be seen, and whose removal can be made to fail. */
function notes(): BackendModule & { failing: boolean } {
  const module = {
    name: "notes",
    tables: { note: { id: { primary: 1 }, text: {} } },
    failing: false,
    start: () => ({
      name: "notes",
      endpoints: [],
      forget: () => (module.failing ? Promise.reject(new Error("fails")) : Promise.resolve()),
    }),
  };
  return module;
}

let kept: ReturnType<typeof notes>;

describe("the module accounts", () => {
  onEngines(
    () => [
      accounts({ signUp: "open", addsPerMinute: 1000, columns: { motto: { pub: true }, grade: { admin: true } } }),
      counters(),
      locations(),
      (kept = notes()),
    ],
    (server) => {
      const anybody = async (path: string, json: object): Promise<Reply> =>
        replyOf(
          await server.test.server.app.fetch(
            new Request(origin + path, {
              method: "POST",
              headers: { host: "bk.test", "content-type": "application/json" },
              body: JSON.stringify(json),
            }),
          ),
        );
      let count = 0;
      /** Signs somebody up, whose secret is `secret of <login>`. */
      async function signUp(
        name: string,
        more: object = {},
      ): Promise<{ readonly login: string; readonly id: string; readonly reply: Reply }> {
        const login = `${name}.${++count}`;
        const reply = await anybody("/account/add", { login, secret: `secret of ${login}`, name, ...more });
        return { login, id: String(reply.body["id"]), reply };
      }

      it("signs somebody up, who is known from then on, and sees all of their own", async () => {
        const { login, id, reply } = await signUp("Ann", { email: "ann@bk.test", birthday: "1990-01-01", motto: "go" });
        expect(reply).toMatchObject({ status: 200, body: { login, name: "Ann", email: "ann@bk.test", motto: "go" } });
        expect(id).toMatch(/^u_[0-9a-f]{32}$/);
        expect(reply.text).not.toContain("secret");
        const own = await server.test.call(login, "/account/get");
        expect(own.body).toMatchObject({ id, login, name: "Ann", birthday: "1990-01-01" });
        for (const hidden of ["secret", "password", "token_secret", "session_key", "type", "grade"])
          expect(own.body).not.toHaveProperty(hidden);
        expect(own.text).not.toContain("secret of");
      });

      it("makes the key where it is asked to, and says it once", async () => {
        const login = `scrambled.${++count}`;
        const { body } = await anybody("/account/add", { login, secret: "typed", _scramble: true, name: "S" });
        const url = `${origin}/account/get`;
        const headers = await signRequest({ method: "GET", url, login, secret: String(body["secret"]) });
        const reply = await replyOf(await server.test.server.app.fetch(new Request(url, { headers: { host: "bk.test", ...headers } })));
        expect(reply.body).toMatchObject({ login });
        expect(reply.text).not.toContain(String(body["secret"]));
      });

      it("refuses what is missing, taken, or not for everybody, and adds nothing then", async () => {
        const { login } = await signUp("Ann");
        expect(await anybody("/account/add", { login: "x1", secret: "s" })).toMatchObject({ status: 400, body: { field: "name" } });
        expect(await anybody("/account/add", { secret: "s", name: "X" })).toMatchObject({ status: 400, body: { field: "login" } });
        expect(await anybody("/account/add", { login: "x1", name: "X" })).toMatchObject({ status: 400, body: { field: "secret" } });
        expect(await anybody("/account/add", { login, secret: "s", name: "X" })).toMatchObject({ status: 409 });
        for (const [field, value] of Object.entries({ type: "admin", grade: "a" }))
          expect(await anybody("/account/add", { login: "x1", secret: "s", name: "X", [field]: value })).toMatchObject({ status: 403 });
        for (const field of ["id", "secret_key", "token_secret", "acl_allow", "__proto__x"])
          expect(await anybody("/account/add", { login: "x1", secret: "s", name: "X", [field]: "1" })).toMatchObject({ status: 400 });
        expect(await anybody("/account/add", { login: "x1", secret: "s", name: "X", email: "no" })).toMatchObject({
          status: 400,
          body: { field: "email" },
        });
        expect((await server.test.call("x1", "/account/get", { secret: "s" })).status).toBe(401);
      });

      it("shows others what is public alone, in the order asked", async () => {
        const [ann, ben] = [await signUp("Ann", { motto: "a", email: "ann@bk.test" }), await signUp("Ben")];
        const reply = await server.test.call(ben.login, `/account/get?id=${ben.id},u_nobody,${ann.id}`);
        expect(reply.status).toBe(200);
        const rows = JSON.parse(reply.text) as Record<string, unknown>[];
        expect(rows.map(({ id }) => id)).toEqual([ben.id, ann.id]);
        expect(rows[1]).toMatchObject({ id: ann.id, name: "Ann", motto: "a" });
        expect(Object.keys(rows[1]!).sort()).toEqual(["first_name", "id", "last_name", "motto", "name"]);
        const found = await server.test.call(ben.login, "/account/search?name=Ann");
        const ids = (found.body["data"] as Record<string, unknown>[]).map(({ id }) => id);
        expect(ids).toContain(ann.id);
        expect(found.text).not.toContain("ann@bk.test");
        expect((await server.test.call(ben.login, "/account/search?email=ann@bk.test")).status).toBe(403);
        expect((await server.test.call(ben.login, "/account/search")).status).toBe(400);
        expect((await server.test.call(ben.login, `/account/get?id=${ann.id}`, { signed: false })).status).toBe(401);
      });

      it("finds accounts by what is public, counted, in pages, with the columns that are wanted", async () => {
        const name = `Same ${++count}`;
        for (const first_name of ["b", "c", "a"]) await signUp(name, { name, first_name, email: `${first_name}@bk.test` });
        const ben = await signUp("Ben");
        const search = (parameters: string): Promise<Reply> =>
          server.test.call(ben.login, `/account/select?name=${encodeURIComponent(name)}${parameters}`);
        expect((await search("&_total=1")).body).toEqual({ count: 3 });
        const page = await search("&_ops=name,eq&_select=first_name&_count=2");
        const rest = await search(
          `&_ops=name,eq&_select=first_name&_count=2&_start=${encodeURIComponent(String(page.body["next_token"]))}`,
        );
        expect(rest.body).toMatchObject({ count: 1, next_token: "" });
        const rows = [page, rest].flatMap(({ body }) => body["data"] as object[]);
        expect(rows).toHaveLength(3);
        expect(rows).toEqual(expect.arrayContaining(["a", "b", "c"].map((first_name) => ({ first_name }))));
        expect((await search("&_select=email")).text).not.toContain("@bk.test");
        expect(await search("&_sort=email")).toMatchObject({ status: 403 });
        expect(await search("&_select=nothing")).toMatchObject({ status: 400, body: { field: "_select" } });
        expect(await search("&_ops=email,gt")).toMatchObject({ status: 400, body: { field: "email" } });
        expect(await search("&_ops=name,iregexp")).toMatchObject({ status: 400, body: { field: "_ops" } });
      });

      it("takes alias for name, and gives the columns that are wanted", async () => {
        const login = `alias.${++count}`;
        expect((await anybody("/account/add", { login, secret: `secret of ${login}`, alias: "Al" })).body).toMatchObject({ name: "Al" });
        expect((await server.test.call(login, "/account/update", { json: { alias: "Ali" } })).body).toMatchObject({ name: "Ali" });
        expect((await server.test.call(login, "/account/update", { json: { alias: "x", name: "Alim" } })).body).toMatchObject({
          name: "Alim",
        });
        expect((await server.test.call(login, "/account/get?_select=name,login,secret,none")).body).toEqual({ name: "Alim", login });
        const ben = await signUp("Ben");
        const { id } = (await server.test.call(login, "/account/get")).body;
        expect((await server.test.call(ben.login, `/account/get?id=${String(id)}&_select=name,email`)).text).toBe('[{"name":"Alim"}]');
      });

      it("shows where somebody is with their own account alone", async () => {
        const [ann, ben] = [await signUp("Ann"), await signUp("Ben")];
        const { call } = server.test;
        expect((await call(ann.login, "/account/get")).body).not.toHaveProperty("latitude");
        await call(ann.login, "/location/put", { json: { latitude: 37.7, longitude: -122.4, location: "bay" } });
        const place = { latitude: 37.7, longitude: -122.4, geohash: "9q8y", location: "bay", ltime: expect.any(Number) as number };
        expect((await call(ann.login, "/account/get")).body).toMatchObject({ id: ann.id, ...place });
        for (const { login } of [ben, await server.add("boss", "admin")]) {
          const others = await call(login, `/account/get?id=${ann.id}`);
          expect(others.status).toBe(200);
          expect(others.text).not.toMatch(/latitude|geohash|37\.7|bay/);
        }
      });

      it("changes the caller's own account, and makes nobody an admin", async () => {
        const [ann, ben] = [await signUp("Ann"), await signUp("Ben")];
        const { call } = server.test;
        const changed = await call(ann.login, "/account/update", { json: { name: "Anna", city: "Rome" } });
        expect(changed.body).toMatchObject({ id: ann.id, name: "Anna", city: "Rome" });
        expect((await call(ann.login, "/auth")).body).toMatchObject({ name: "Anna" });
        for (const json of [{ type: "admin" }, { grade: "a" }, { id: ben.id, name: "B" }])
          expect((await call(ann.login, "/account/update", { json })).status).toBe(403);
        for (const json of [{ login: "x" }, { secret: "x" }, { ctime: 1 }, { name: "" }, { name: null }, { expires: 1 }])
          expect((await call(ann.login, "/account/update", { json })).status).toBe(400);
        expect((await call(ben.login, "/account/get")).body).toMatchObject({ name: "Ben" });
        const root = await server.add("boss", "admin");
        expect((await call(root.login, "/account/update", { json: { id: ben.id, type: "staff", grade: "b" } })).body).toMatchObject({
          grade: "b",
        });
        expect((await call(ben.login, "/auth")).body).toMatchObject({ type: "staff" });
      });

      it("changes the caller's secret, and nobody else's", async () => {
        const [ann, ben] = [await signUp("Ann"), await signUp("Ben")];
        const { call } = server.test;
        const change = (json: object): Promise<Reply> => call(ann.login, "/account/put/secret", { json });
        expect((await change({})).status).toBe(400);
        expect((await change({ secret: "new", login: ben.login })).status).toBe(400);
        expect((await change({ secret: "new", type: "admin" })).status).toBe(400);
        expect((await change({ secret: "new", old_secret: "wrong" })).status).toBe(403);
        expect((await change({ token_secret: true })).body).toEqual({});
        expect(await change({ secret: "a new one", old_secret: `secret of ${ann.login}` })).toMatchObject({ status: 200, body: {} });
        expect((await call(ann.login, "/account/get")).status).toBe(401);
        expect((await call(ann.login, "/account/get", { secret: "a new one" })).body).toMatchObject({ id: ann.id });
        expect((await call(ben.login, "/account/get")).status).toBe(200);
      });

      it("has an account of those that were added by another way", async () => {
        const cli = await server.add("cli");
        expect((await server.test.call(cli.login, "/account/get")).body).toMatchObject({ id: cli.id, name: "cli" });
        const many = await Promise.all(Array.from({ length: 5 }, () => server.test.call(cli.login, "/account/get")));
        expect(many.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
      });

      it("removes the keys of an account, and none of another one's", async () => {
        const [ann, ben] = [await signUp("Ann"), await signUp("Ben")];
        const { call, server: running } = server.test;
        const keys = dbKeys(running.db as unknown as KeyDb, { masterKey });
        const key = { algorithm: "hmac-sha256", secret: "a long random secret" } as const;
        for (const { login, id } of [ann, ben])
          for (const i of [1, 2]) await keys.add({ keyid: `${login} ${i}`, login, key, ...(i === 1 ? { account: id } : {}) });
        const signed = async (keyid: string): Promise<Reply> =>
          replyOf(await running.app.fetch(await signFetch(new Request(`${origin}/account/get`), { key, keyid })));
        expect(await signed(`${ann.login} 1`)).toMatchObject({ status: 200, body: { id: ann.id } });
        expect((await call(ann.login, "/account/del", { method: "POST" })).body).toEqual({});
        expect([await keys.list(ann.login), (await keys.list(ben.login)).length]).toEqual([[], 2]);
        expect((await signed(`${ann.login} 1`)).status).toBe(401);
        // Somebody else takes the login: a key that comes late, as of a removal that went on elsewhere, does not sign for them.
        await anybody("/account/add", { login: ann.login, secret: "s", name: "Other" });
        await keys.add({ keyid: `${ann.login} 3`, login: ann.login, account: ann.id, key });
        expect((await signed(`${ann.login} 3`)).status).toBe(401);
        expect((await signed(`${ben.login} 2`)).body).toMatchObject({ id: ben.id });
        await keys.idle();
      });

      it("removes an account whole, also when a module fails at first", async () => {
        const [ann, ben] = [await signUp("Ann"), await signUp("Ben")];
        const { call, server: running } = server.test;
        await call(ann.login, "/counter/incr", { json: { ping: 1 } });
        expect((await call(ben.login, "/account/del", { json: { id: ann.id } })).status).toBe(403);
        kept.failing = true;
        expect((await call(ann.login, "/account/del", { method: "POST" })).body).toEqual({});
        expect((await call(ann.login, "/account/get")).status).toBe(401);
        const left = async (): Promise<unknown> =>
          (running.db as unknown as { get(table: string, key: object): Promise<unknown> }).get("bk_account", { id: ann.id });
        expect(await left()).toBeDefined();
        // Somebody else may take the login meanwhile, and keeps it.
        const taken = await anybody("/account/add", { login: ann.login, secret: `secret of ${ann.login}`, name: "Other" });
        expect(taken.status).toBe(200);
        kept.failing = false;
        const root = await server.add("boss", "admin");
        expect((await call(root.login, "/account/del", { json: { id: ann.id } })).body).toEqual({});
        expect(await left()).toBeUndefined();
        expect((await call(ben.login, `/counter/get?id=${ann.id}`)).body).toEqual({});
        expect((await call(root.login, "/account/del", { json: { id: ann.id } })).status).toBe(404);
        expect((await call(ann.login, "/account/get")).body).toMatchObject({ id: taken.body["id"], name: "Other" });
      });
    },
    { messageKeys: true },
  );

  it("go on with a removal that was left when all modules run, for all of them keep something", async () => {
    const db = await openDb({ url: `memory:${randomUUID()}`, tables: { ...authTables, ...accounts().tables } });
    const calls = callsOf(db as never);
    try {
      await db.sync();
      await calls.put("bk_account_removal", { id: "u_left" });
      const forgotten: string[] = [];
      const late: BackendModule = {
        name: "late",
        tables: {},
        async start() {
          // Longer than a removal takes.
          await new Promise((resolve) => setTimeout(resolve, 100));
          return { name: "late", endpoints: [], forget: (id) => Promise.resolve(void forgotten.push(id)) };
        },
      };
      await using _server = await startServer({ db: db as never, tables: {}, modules: [accounts(), late] });
      await expect.poll(() => calls.count("bk_account_removal"), { timeout: 20_000 }).toBe(0);
      expect(forgotten).toEqual(["u_left"]);
    } finally {
      await db.close();
    }
  });
});
