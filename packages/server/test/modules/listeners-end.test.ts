// Streams, sockets and long polls end when whoever opened them may not listen any more, whichever server was told so.

import type { IncomingHttpHeaders } from "node:http";

import { addAccount, changeSecret, dbKeys, deleteAccount, dbSessions, type KeyDb, signRequest, signUrl } from "@bk/auth";
import { signFetch } from "@bk/auth/message-signatures";
import { accounts, pico, type PicoModule } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type BkServer, createServer } from "../../src/index.js";
import { temporaryFolder } from "../run-cli.js";
import { masterKey, startServer, type TestServer } from "../start-server.js";
import { type Client, open } from "./socket-client.js";

const path = "/account/subscribe";
const sessionMs = 1_000_000;
const key = { algorithm: "hmac-sha256", secret: "a long random secret" } as const;

describe("whoever listens", () => {
  const folder = temporaryFolder();
  let channels: PicoModule;
  let on: TestServer;
  let other: BkServer;
  let url: string;
  let elsewhere: string;
  let round = 0;

  beforeAll(async () => {
    const shared = { db: `sqlite:${folder.file("app.db")}`, tables: {}, messageKeys: true, login: { sessionMs } } as const;
    const limits = { streamCheckMs: 20, maxSocketUnreadBytes: 10_000 };
    on = await startServer({ ...shared, limits, modules: [accounts(), (channels = pico({ refusalMs: 0 }))] });
    other = await createServer({ ...shared, masterKey, modules: [accounts()] });
    ({ url } = await on.server.listen({ port: 0 }));
    ({ url: elsewhere } = await other.listen({ port: 0 }));
  });
  afterAll(async () => {
    await other.close();
    await on.server.close();
    folder[Symbol.dispose]();
  });

  interface Person {
    readonly id: string;
    readonly login: string;
    readonly secret: string;
    /** Headers that prove who asks. */
    readonly headers: Readonly<Record<string, string>>;
  }
  type Proving = (person: Omit<Person, "headers">) => Promise<Record<string, string>>;

  const logIn = async (login: string, secret: string, what: object): Promise<Response> =>
    fetch(`${url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ login, secret, ...what }),
    });
  const bySession: Proving = async ({ login, secret }) => ({
    cookie: (await logIn(login, secret, { _session: 1 })).headers.get("set-cookie")!.split(";")[0]!,
    origin: url,
  });
  const byToken: Proving = async ({ login, secret }) => {
    const body = (await (await logIn(login, secret, { _accesstoken: 1 })).json()) as Record<string, string>;
    return { authorization: `Bearer ${body["bk-access-token"]}` };
  };
  const bySignature: Proving = async ({ login, secret }) => ({ ...(await signRequest({ method: "GET", url: url + path, login, secret })) });
  const keysOf = (server: BkServer) => dbKeys(server.db as unknown as KeyDb, { masterKey });
  const byKey: Proving = async ({ login }) => {
    await keysOf(other).add({ keyid: login, login, key });
    const { headers } = await signFetch(new Request(url + path), { keyid: login, key });
    return Object.fromEntries(headers);
  };

  async function person(proving: Proving): Promise<Person> {
    const login = `bob${++round}`;
    const own = { login, secret: `secret of ${login}` };
    const { id } = await addAccount(on.server.db, own, { masterKey });
    return { ...own, id, headers: await proving({ ...own, id }) };
  }

  const post = async (target: string, headers: Readonly<Record<string, string>>, body: object = {}): Promise<void> => {
    const init = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
    expect(
      (await fetch(elsewhere + target, { ...init, headers: { ...init.headers, ...("cookie" in headers ? { origin: elsewhere } : {}) } }))
        .status,
    ).toBe(200);
  };
  const revokeAll = async ({ login, secret, id }: Person): Promise<void> => {
    const [row] = await dbSessions(other.db as never).listOf(id);
    const body = JSON.stringify({ id: row!.id });
    const target = "/auth/sessions/revoke";
    await post(target, { ...(await signRequest({ method: "POST", url: elsewhere + target, body, login, secret })) }, { id: row!.id });
  };
  const changeRow = async ({ login }: Person, columns: object): Promise<void> =>
    void (await other.db.update("bk_auth" as never, { login, ...columns } as never));

  it.each<[string, Proving, (person: Person) => Promise<unknown>]>([
    ["a logout", bySession, ({ headers }) => post("/logout", headers)],
    ["the session was revoked", bySession, revokeAll],
    [
      "the session has ended",
      bySession,
      async ({ id }) => {
        const store = dbSessions(other.db as never);
        const [row] = await store.listOf(id);
        await store.update(row!.id, { used: 1, expires: Date.now() - 1 }, row!.expires);
      },
    ],
    ["the token was logged out", byToken, ({ headers }) => post("/logout", headers)],
    ["the token was revoked", byToken, revokeAll],
    ["the key has ended", byKey, ({ login }) => keysOf(other).end(login)],
    ["a new secret, of a session", bySession, ({ login }) => changeSecret(other.db, { login, secret: "new" }, { masterKey })],
    ["a new secret, of a signature", bySignature, ({ login }) => changeSecret(other.db, { login, secret: "new" }, { masterKey })],
    ["the account was removed", bySignature, ({ login }) => deleteAccount(other.db, login)],
    ["the account has ended", byToken, (who) => changeRow(who, { expires: Date.now() - 1 })],
    ["the account may not listen any more", bySignature, (who) => changeRow(who, { acl_deny: "/account" })],
  ])("gets no more after %s, and others do", async (_name, proving, act) => {
    const [bob, eve] = [await person(proving), await person(bySignature)];
    const [socket, stays] = [await open(url + path, { headers: bob.headers }), await open(url + path, { headers: eve.headers })];
    const leave = new AbortController();
    const stream = await fetch(url + path, { headers: { ...bob.headers, accept: "text/event-stream" }, signal: leave.signal });
    const poll = fetch(url + path, { headers: bob.headers });
    expect([socket.status, stays.status, stream.status]).toEqual([101, 101, 200]);
    await act(bob);
    expect(await socket.closed).toBe(1008);
    await stream.text();
    // It may have come behind the end.
    expect((await poll).status).toBeOneOf([200, 401, 403]);
    expect((await open(url + path, { headers: bob.headers })).status).toBeOneOf([401, 403]);
    expect(await stays.ask({ path: "/ping" })).toMatchObject({ status: 200 });
    stays.socket.close();
    await stays.closed;
  });

  it("renews a session by the reply that opens a socket, and by no message, whose cookie the client would not get", async () => {
    const { id, headers } = await person(bySession);
    const store = dbSessions(on.server.db as never);
    const rowOf = async () => (await store.listOf(id))[0]!;
    const age = async (): Promise<number> => {
      const expires = Date.now() + sessionMs / 4;
      const row = await rowOf();
      expect(await store.update(row.id, { used: row.used, expires }, row.expires)).toBe(true);
      return expires;
    };
    const before = await age();
    const upgraded = await opened(headers);
    expect(upgraded.headers["set-cookie"]).toEqual([expect.stringMatching(/^bk-sid=.*HttpOnly/)]);
    expect((await rowOf()).expires).toBeGreaterThan(before);
    const again = await age();
    expect(await upgraded.client.ask({ path: "/auth" })).toMatchObject({ status: 200 });
    expect((await rowOf()).expires).toBe(again);
    upgraded.client.socket.close();
    await upgraded.client.closed;
  });

  /** A socket, with the headers of the reply that opened it. */
  async function opened(headers: Readonly<Record<string, string>>) {
    const upgrade: { headers?: IncomingHttpHeaders } = {};
    const client = await open(url + path, {
      headers,
      finishRequest: (request) => request.once("upgrade", (reply) => (upgrade.headers = reply.headers)).end(),
    });
    return { client, headers: upgrade.headers! };
  }

  it("is in the log by the reply that opens a socket, its messages, and its end", async () => {
    const { login, secret } = await person(bySignature);
    const from = on.logged.length;
    const client = await open(await signUrl({ url: url + path, login, secret }));
    await client.ask({ path: "/openapi.json" });
    client.socket.close(1000);
    await client.closed;
    const lines = (): string[] => on.logged.slice(from).filter((line) => line.startsWith("GET /"));
    await expect.poll(() => lines().length).toBe(3);
    const [upgrade, message, end] = lines().map(
      (line) => [line.split(" {")[0], JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>] as const,
    );
    const { id } = upgrade![1];
    expect(upgrade).toEqual([`GET ${path} 101`, { id, ms: expect.any(Number), login }]);
    expect(message).toEqual(["GET /openapi.json 200", expect.objectContaining({ socket: id, id: expect.not.stringMatching(String(id)) })]);
    expect(end).toEqual([`GET ${path} closed`, { id, ms: expect.any(Number), code: 1000 }]);
  });

  it("opens a socket at a channel, gets what it has and what comes, and may be nobody", async () => {
    const reply = await fetch(`${url}/channel`, { method: "POST", headers: { "content-type": "application/json" }, body: "[]" });
    const [[channel]] = (await reply.json()) as [[string]];
    const id = channel.split(" ")[0]!;
    await channels.send(id, { text: "before" });
    const client: Client = await open(`${url}/push?channel=${encodeURIComponent(channel)}`);
    await client.find(({ text }) => text === "before");
    await channels.send(id, { text: "after" });
    expect(await client.find(({ text }) => text === "after")).toEqual({ text: "after", resId: 2, event_id: "2" });
    expect((await open(`${url}/push?channel=${encodeURIComponent(`${id} wrong`)}`)).status).toBe(403);
    client.socket.close();
    await client.closed;
  });

  it("is let go who sends pings on and on without reading the answers", async () => {
    const { headers } = await person(bySignature);
    const client = await open(url + path, { headers });
    client.socket.pause();
    const payload = Buffer.alloc(125);
    client.socket.on("error", () => undefined);
    const ping = (): Promise<boolean> => new Promise((resolve) => client.socket.ping(payload, true, (error) => resolve(!error)));
    // The buffers of the system take some of the answers; the server holds no more than its limit.
    while (client.socket.readyState === client.socket.OPEN) await Promise.all(Array.from({ length: 1000 }, ping));
    client.socket.resume();
    expect(await client.closed).toBe(1006);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  });
});
