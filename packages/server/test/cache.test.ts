// Servers that share a cache: used signatures, failed attempts and cached rows.

import { randomUUID } from "node:crypto";

import { signRequest } from "@bk/auth";
import { type Cache, CacheError, type CacheDriver, openCache, type OpenDriver } from "@bk/cache";
import { openDb, table } from "@bk/db";
import { describe, expect, it } from "vitest";

import { createServer } from "../src/index.js";
import { masterKey, origin, replyOf, startServer, tables } from "./start-server.js";

/** A local store that is one of several processes for those who use it, and can be away. */
class Store {
  isAway = false;

  async open(capabilities: Partial<Cache["capabilities"]> = {}): Promise<Cache> {
    let inner: CacheDriver | undefined;
    const gate = <Args extends unknown[], Result>(call: (...args: Args) => Result) => {
      return (...args: Args): Result => {
        if (this.isAway) throw new CacheError("unavailable", "the store is away");
        return call(...args);
      };
    };
    const open: OpenDriver = async (options) => {
      inner = await options.open("local:", {});
      const { peek: _peek, ...driver } = inner;
      return {
        ...driver,
        isReady: true,
        capabilities: { ...inner.capabilities, scope: "global", peek: false, ...capabilities },
        get: gate(inner.get.bind(inner)),
        getMany: gate(inner.getMany.bind(inner)),
        put: gate(inner.put.bind(inner)),
        putMany: gate(inner.putMany.bind(inner)),
        del: gate(inner.del.bind(inner)),
        apply: gate(inner.apply.bind(inner)) as CacheDriver["apply"],
        clear: gate(inner.clear.bind(inner)),
        close: () => inner!.close(),
      };
    };
    return openCache(open, { prefix: "" });
  }
}

const cached = { ...tables, word: table({ id: { primary: 1, pub: true }, text: { pub: true } }, { cached: { missTtlMs: 60_000 } }) };

async function startTwo(store: Store, capabilities?: Partial<Cache["capabilities"]>) {
  const cache = await store.open(capabilities);
  const db = `memory:${randomUUID()}`;
  const one = await startServer({ db, cache, tables: cached });
  const server = await createServer({ db, cache, tables: cached, masterKey });
  const send = async (
    at: { app: { fetch: (request: Request, env?: object) => Response | Promise<Response> } },
    request: Request,
    env?: object,
  ) => replyOf(await at.app.fetch(request, env));
  return {
    one,
    two: server,
    cache,
    send,
    [Symbol.asyncDispose]: async () => void (await Promise.all([one.server.close(), server.close(), cache.close()])),
  };
}

async function signed(path: string, body?: string, secret = "secret of root"): Promise<Request> {
  const method = body === undefined ? "GET" : "POST";
  const own = { method, url: origin + path, login: "root", secret, ...(body === undefined ? {} : { body }) };
  return new Request(origin + path, {
    method,
    headers: { host: "bk.test", ...(await signRequest(own)) },
    ...(body === undefined ? {} : { body }),
  });
}

describe("servers that share a cache", () => {
  it("take a signature once together, and give it back together when its call was refused", async () => {
    await using both = await startTwo(new Store());
    const { one, two, send } = both;
    const put = await signed("/data/put/word", '{"id":"a","text":"x"}');
    expect((await send(one.server, put.clone())).status).toBe(200);
    expect(await send(two, put.clone())).toMatchObject({ status: 401, body: { code: "REPLAYED" } });
    expect(await one.server.db.count("bk_nonce", {}, { all: true })).toBe(0);
    const refused = await signed("/data/add/word", '{"id":"a","text":"x"}');
    expect((await send(one.server, refused.clone())).status).toBe(409);
    expect((await send(two, refused.clone())).status).toBe(409);
  });

  it("keep them in the database where the cache may drop them", async () => {
    for (const capabilities of [{ scope: "process" }, { locks: "evictable" }] as const) {
      await using both = await startTwo(new Store(), capabilities);
      const put = await signed("/data/put/word", '{"id":"a"}');
      expect((await both.send(both.one.server, put.clone())).status).toBe(200);
      expect((await both.send(both.two, put.clone())).status).toBe(401);
      expect(await both.one.server.db.count("bk_nonce", {}, { all: true })).toBe(1);
    }
  });

  it("count failed attempts together", async () => {
    await using both = await startTwo(new Store());
    const env = { incoming: { socket: { remoteAddress: "192.0.2.1" }, headers: { host: "bk.test" }, rawHeaders: ["host", "bk.test"] } };
    const statuses: number[] = [];
    for (let i = 0; i < 24; i++)
      statuses.push(
        (await both.send(i % 2 === 0 ? both.one.server : both.two, await signed("/data/get/word?id=a", undefined, "wrong"), env)).status,
      );
    expect(statuses).toEqual([...Array<number>(20).fill(401), 429, 429, 429, 429]);
    const right = await both.send(both.two, await signed("/data/get/word?id=a"), env);
    expect(right).toMatchObject({ status: 429 });
    expect(Number(right.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("serve rows of cached tables from it, and forget them together", async () => {
    await using both = await startTwo(new Store());
    const { one, two, send } = both;
    const read = async (at: Parameters<typeof send>[0]) => (await send(at, await signed("/data/get/word?id=a"))).body["text"];
    for (const text of ["x", "y"]) {
      await send(one.server, await signed("/data/put/word", JSON.stringify({ id: "a", text })));
      for (const at of [two, one.server, two]) expect(await read(at)).toBe(text);
    }
    const { hits } = two.db.metrics()["main"]!.cached!;
    expect(hits).toBeGreaterThan(0);
  });

  it("while it is away refuse what changes something with 503, serve the rest, and count attempts each by itself", async () => {
    const store = new Store();
    await using both = await startTwo(store);
    const { one, send } = both;
    const env = { incoming: { socket: { remoteAddress: "192.0.2.1" }, headers: { host: "bk.test" }, rawHeaders: ["host", "bk.test"] } };
    await send(one.server, await signed("/data/put/word", '{"id":"a","text":"x"}'));
    store.isAway = true;
    const refused = await send(one.server, await signed("/data/put/word", '{"id":"a","text":"y"}'), env);
    expect(refused).toMatchObject({ status: 503, body: { code: "unavailable", message: expect.stringContaining("sign anew") } });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await send(one.server, await signed("/data/get/word?id=a"), env)).body).toMatchObject({ text: "x" });
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++)
      statuses.push((await send(one.server, await signed("/data/get/word?id=a", undefined, "wrong"), env)).status);
    expect(statuses).toEqual([...Array<number>(20).fill(401), 429]);
    store.isAway = false;
    expect((await send(one.server, await signed("/data/put/word", '{"id":"a","text":"y"}'))).status).toBe(200);
    expect((await send(one.server, await signed("/data/get/word?id=a"))).body).toMatchObject({ text: "y" });
  });

  it("close a cache that they opened, and leave one open that they were given", async () => {
    const cache = await openCache("local:");
    const server = await createServer({ db: "memory:", cache, masterKey });
    await server.close();
    await cache.put("a", 1);
    await cache.close();
    const own = await createServer({ db: "memory:", cache: "local:", tables: cached, masterKey });
    expect(own.db.metrics()["main"]!.cached).toBeDefined();
    await own.close();
    await expect(createServer({ db: "memory:", cache: "nope:", masterKey })).rejects.toMatchObject({
      code: "invalid",
      detail: { field: "url" },
    });
    const plain = await openDb({ url: "memory:", tables });
    await plain.close();
  });
});
