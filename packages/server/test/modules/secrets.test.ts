// Every secret that is used here is looked for in what the server writes, tells and reports: logs at the finest level, replies that are errors,
// statistics, and the channels that tracers listen to.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";

import { addAccount, type ResetMail, signUrl } from "@bk/auth";
import { memoryKeys, messageSignatures, signFetch } from "@bk/auth/message-signatures";
import type { Log } from "@bk/core";
import { modulesNamed } from "@bk/modules";
import { afterAll, beforeAll, expect, it } from "vitest";

import { codeOf } from "../one-time-code.js";
import { temporaryFolder } from "../run-cli.js";
import { masterKey, origin, type Reply, replyOf, tables } from "../start-server.js";
import { type ModuleServer, onEngines } from "./on-engines.js";

const home = temporaryFolder();
afterAll(() => home[Symbol.dispose]());

/** What was written, told or reported. */
const seen: string[] = [];
const note = (message: string, fields?: object): void => void seen.push(`${message} ${inspect(fields, { depth: 12 })}`);
const log: Log = { debug: note, info: note, warn: note, error: note };

const phases = ["start", "end", "asyncStart", "asyncEnd", "error"].flatMap((phase) =>
  ["call", "command"].map((what) => `tracing:bk:db:${what}:${phase}`),
);
const onEvent = (event: unknown, name: string | symbol): void => void seen.push(`${String(name)} ${inspect(event, { depth: 8 })}`);
beforeAll(() => phases.forEach((name) => subscribe(name, onEvent)));
afterAll(() => phases.forEach((name) => unsubscribe(name, onEvent)));

const messageKey = { algorithm: "hmac-sha256", secret: "a key of RFC 9421 for secrets" } as const;
const pushcartToken = "a token that registers clients";
const tokenKey = "a key that seals page tokens";
const mails: ResetMail[] = [];

/** A secret as it may be written: as it is, in a URL, in JSON, in base64 and in hex. */
const spellings = (secret: string): readonly string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
  Buffer.from(secret).toString("hex"),
];

function expectUntold(secrets: ReadonlyMap<string, string>): void {
  const all = seen.join("\n");
  const told = [...secrets].filter(([, secret]) => spellings(secret).some((text) => all.includes(text))).map(([what]) => what);
  const where = told.map((what) => seen.find((line) => spellings(secrets.get(what)!).some((text) => line.includes(text)))?.slice(0, 2_000));
  expect({ told, where }).toEqual({ told: [], where: [] });
}

onEngines(
  () => modulesNamed(["all"], { signUp: "open", pushcartToken }),
  (server: ModuleServer) => {
    const secrets = new Map<string, string>(Object.entries({ masterKey, tokenKey, pushcartToken, messageKey: messageKey.secret }));

    /** Sends a request that nobody signed; what is refused tells no secret either. */
    async function send(path: string, json?: unknown, headers: Record<string, string> = {}, body?: string): Promise<Reply> {
      const text = body ?? (json === undefined ? undefined : JSON.stringify(json));
      const init = text === undefined ? {} : { method: "POST", body: text };
      const all = { host: "bk.test", ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers };
      return heard(await replyOf(await server.test.server.app.fetch(new Request(origin + path, { ...init, headers: all }))));
    }
    function heard(reply: Reply): Reply {
      if (reply.status >= 400) seen.push(`${reply.text} ${inspect([...reply.headers])}`);
      return reply;
    }
    const call = async (login: string, path: string, json?: unknown, more: object = {}): Promise<Reply> =>
      heard(await server.test.call(login, path, { ...(json === undefined ? {} : { json }), ...more }));
    /** Uses a secret. */
    const using = (what: string, secret: string): string => {
      expect([what, secret.length]).toEqual([what, expect.toSatisfy((length: number) => length >= 8)]);
      secrets.set(what, secret);
      return secret;
    };
    const ok = (reply: Reply): Reply => {
      expect([reply.text, reply.status]).toEqual([expect.anything(), 200]);
      return reply;
    };

    it("tells nobody what opens something", async () => {
      const [login, name] = [`ann-${Date.now()}`, "Ann"];
      const secret = using("signing secret", 'Signing secret of "ann" & more');
      const password = using("password", "Correct horse; battery staple?");
      await addAccount(server.test.server.db, { login, name, secret, password }, { masterKey });
      const sign = { secret };

      // Logging in, right and wrong, and in ways that are refused before the secret is looked at.
      const session = ok(await send("/login", { login, secret: password, _session: 1, _accesstoken: 1 }));
      const cookie = session.headers.get("set-cookie")!.split(";")[0]!;
      using("session", cookie.split("=")[1]!);
      const token = using("access token", session.body["bk-access-token"] as string);
      ok(await send("/auth", undefined, { cookie }));
      ok(await send("/account/get", undefined, { authorization: `Bearer ${token}` }));
      const wrong = using("wrong secret", "A wrong secret, nearly right");
      const refused = [
        await send("/login", { login, secret: wrong }),
        await send(`/login?login=${login}&secret=${encodeURIComponent(wrong)}`),
        await send("/login", undefined, {}, `{"login":"${login}","secret":"${wrong}`),
        await send("/login", undefined, {}, `login=${login}&secret=${encodeURIComponent(wrong)}`),
        await send("/login", { login, secret: { value: wrong } }),
        await send("/login", { login, secret: [wrong] }),
        await send("/login", { login, secret: wrong.repeat(200) }),
        await send("/account/get", undefined, { authorization: `Bearer ${token}x` }),
        await send("/account/get", undefined, { authorization: `Basic ${Buffer.from(`${login}:${password}`).toString("base64")}` }),
        await send("/account/get", undefined, { cookie: `${cookie}x` }),
        await send(`/account/get?bk-access-token=${token}x`),
        await send("/logout", {}, { cookie, origin: "https://elsewhere.test", "sec-fetch-site": "cross-site" }),
      ];
      expect(refused.map(({ status }) => status >= 400 && status < 500)).toEqual(refused.map(() => true));

      // Signatures, whole, changed and used again.
      const url = await signUrl({ url: `${origin}/account/get`, login, secret });
      const signature = using("signature", new URL(url).searchParams.get("bk-signature")!);
      using("digest", signature.split("|")[3]!);
      const asked = async (at: string): Promise<number> => (await send(at.slice(origin.length))).status;
      expect([await asked(url), await asked(`${url}x`), await asked(url.replace("/get", "/select"))]).toEqual([200, 401, 401]);
      expect((await call(login, "/account/get", undefined, { secret: wrong })).status).toBe(401);
      const request = await signFetch(new Request(`${origin}/status/put?status=x`, { method: "POST" }), { key: messageKey, keyid: "all" });
      using("message signature", /:(.+):/.exec(request.headers.get("signature")!)![1]!);
      for (const status of [200, 401])
        expect(heard(await replyOf(await server.test.server.app.fetch(request.clone()))).status).toBe(status);

      // A second step, and a secret that was forgotten.
      const added = ok(await call(login, "/auth/totp/add", {}, sign));
      const totp = using("secret of codes", added.body["secret"] as string);
      expect((await call(login, "/auth/totp/confirm", { code: "000000" }, sign)).status).toBe(403);
      const confirmed = ok(await call(login, "/auth/totp/confirm", { code: codeOf(totp) }, sign));
      const [first = "", second = ""] = confirmed.body["recovery_codes"] as string[];
      using("recovery code", first);
      using("another recovery code", second);
      ok(await send("/login", { login, secret: password, code: first }));
      expect((await send("/login", { login, secret: password, code: first })).status).toBe(401);
      ok(await call(login, "/auth/totp/del", { code: second }, sign));
      const before = mails.length;
      ok(await send("/login/reset", { login }));
      await expect.poll(() => mails.length).toBe(before + 1);
      const reset = using("token of a reset", mails.at(-1)!.token);
      const next = using("next secret", "The next secret, longer than before");
      expect((await send("/login/reset/confirm", { token: `${reset}x`, secret: next })).status).toBe(400);
      expect((await send("/login/reset/confirm", { token: reset, secret: 1 })).status).toBe(400);
      ok(await send("/login/reset/confirm", { token: reset, secret: next }));
      const last = using("last secret", "The last secret that there will be");
      ok(await call(login, "/account/put/secret", { secret: last }, sign));

      // Named tokens, clients, and accounts of others.
      const named = ok(await call(login, "/auth/tokens/add", { name: "mine" }, { secret: last }));
      using("named token", named.body["bk-access-token"] as string);
      using("secret of a new account", "The secret of somebody new");
      ok(await send("/account/add", { login: `new-${login}`, name: "new", secret: secrets.get("secret of a new account")! }));
      expect(
        (await send("/account/add", { login: `new-${login}`, name: "new", secret: secrets.get("secret of a new account")! })).status,
      ).toBe(409);

      // Values of columns that nobody reads, in calls that the database takes and in calls that fail.
      const hidden = using("secure column", "The word that only the owner sets");
      ok(await call(login, "/data/add/note", { text: "x", secret_word: hidden }, { secret: last }));
      const row = { id: "a00e1f8ea1a54b61a9b5e6b0c6c2d7f1", text: "x", secret_word: hidden };
      await call(login, "/data/add/note", row, { secret: last });
      await call(login, "/data/add/note", row, { secret: last });
      await call(login, "/data/update/note", { ...row, stars: "many" }, { secret: last });
      await call(login, "/data/select/note?_where=x", undefined, { secret: last });
      await call(login, `/data/select/note?secret_word=${encodeURIComponent(hidden)}`, undefined, { secret: last });
      await call(
        login,
        "/data/batch",
        {
          items: [
            { op: "add", table: "note", row },
            { op: "put", table: "none", row },
          ],
        },
        { secret: last },
      );

      // What admins are shown.
      for (const path of [
        "/system/stats/get",
        "/system/stats/get?_format=prometheus",
        "/system/params/get",
        "/system/cache/stats",
        "/system/cache/keys",
        "/system/queue/stats",
      ])
        seen.push((await server.test.call("root", path)).text);
      seen.push((await server.test.call(login, "/auth/sessions", { secret: last })).text);
      seen.push((await server.test.call(login, "/account/get", { secret: last })).text);
      seen.push((await server.test.call("root", "/openapi.json")).text);
      // All of it was listened to.
      for (const begin of ["tracing:bk:db:call:asyncEnd", "tracing:bk:db:command:asyncEnd", "POST /login 200", "POST /login 401"])
        expect([begin, seen.some((line) => line.startsWith(begin))]).toEqual([begin, true]);
      expectUntold(secrets);

      // The database is gone.
      await server.test.server.db.close();
      const failed = [
        await send("/login", { login, secret: last, _session: 1 }),
        await send("/account/get", undefined, { authorization: `Bearer ${secrets.get("named token")}` }),
        await send("/account/get", undefined, { cookie }),
        await call(login, "/data/add/note", row, { secret: last }),
        await send("/login/reset", { login }),
        await send("/account/add", { login: "other", name: "new", secret: secrets.get("secret of a new account")! }),
      ];
      expect(failed.filter(({ status }) => status >= 500).length).toBeGreaterThan(3);
      expectUntold(secrets);
      seen.length = 0;
    });
  },
  {
    home: home.path,
    tables,
    log,
    tokenKey,
    login: { mail: (message) => void mails.push(message), issuer: "secrets" },
    auth: { messages: messageSignatures({ keys: memoryKeys([{ keyid: "all", login: "root", key: messageKey }]) }) },
  },
);
