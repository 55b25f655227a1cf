// /data/scan: all rows of a table for admins, as they are read.

import { authTables, signRequest } from "@bk/auth";
import { DbError, openDb } from "@bk/db";
import type { Hook } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { origin, replyOf, startServer, tables, type TestServer } from "./start-server.js";

const names = Array.from({ length: 250 }, (_each, i) => `town ${String(i).padStart(3, "0")}`);
const rowsOf = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function filled(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const on = await startServer(options);
  const items = names.map((name, i) => ({ op: "put", table: "city", row: { country: "XX", name, people: i, hash: "h" } }));
  await on.call("root", "/data/batch", { json: items });
  return on;
}

describe("/data/scan", () => {
  let on: TestServer;
  beforeAll(async () => {
    on = await filled({ limits: { maxScanRows: 220 } });
  });
  afterAll(() => on.server.close());

  it("is not there unless it is turned on", async () => {
    await using off = await startServer();
    expect(await off.call("root", "/data/scan/city")).toMatchObject({ status: 404, body: { code: "not-found" } });
    expect((await off.call("root", "/data/openapi.json")).text).not.toContain("/data/scan");
  });

  it("sends admins every row as JSON a line, without what nobody sees", async () => {
    const reply = await on.call("root", "/data/scan/city?people_$lt=150");
    expect(reply.headers.get("content-type")).toBe("application/x-ndjson");
    const rows = rowsOf(reply.text);
    expect(rows.map(({ name }) => name)).toEqual(names.slice(0, 150));
    expect(Object.keys(rows[0]!)).toEqual(expect.arrayContaining(["country", "name", "people", "draft"]));
    expect(reply.text).not.toContain("hash");
    expect(rowsOf((await on.call("root", "/data/scan/city?name=town+007&_select=name,people")).text)).toEqual([
      { name: "town 007", people: 7 },
    ]);
    expect((await on.call("root", "/data/scan/city?people=-1")).text).toBe("");
    // Also of a table that is not read whole otherwise.
    expect((await on.call("root", "/data/scan/quiet")).status).toBe(200);
  });

  it("sends no more rows than it may, and says how it goes on", async () => {
    const first = rowsOf((await on.call("root", "/data/scan/city")).text);
    expect(first.length).toBe(221);
    const { _next_token: token, ...nothing } = first.at(-1)!;
    expect(nothing).toEqual({});
    const rest = rowsOf((await on.call("root", `/data/scan/city?_start=${encodeURIComponent(token as string)}`)).text);
    expect([...first.slice(0, -1), ...rest].map(({ name }) => name)).toEqual(names);
    expect(await on.call("root", "/data/scan/city?_start=x")).toMatchObject({ status: 400, body: { field: "_start" } });
    expect((await on.call("root", `/data/scan/city?people=3&_start=${encodeURIComponent(token as string)}`)).status).toBe(400);
  });

  it("is for admins, and for tables and parameters that there are", async () => {
    expect(await on.call("bob", "/data/scan/city")).toMatchObject({ status: 403, body: { code: "denied" } });
    expect((await on.call("bob", "/data/scan/city", { signed: false })).status).toBe(401);
    expect((await on.call("root", "/data/scan/bk_auth")).status).toBe(404);
    expect((await on.call("root", "/data/scan")).status).toBe(404);
    expect(await on.call("root", "/data/scan/city?hash=h")).toMatchObject({ status: 403, body: { field: "hash" } });
    for (const name of ["_count", "_sort", "_scan", "_format"])
      expect(await on.call("root", `/data/scan/city?${name}=1`)).toMatchObject({ status: 400, body: { field: name } });
  });

  it("is described to admins, and in the document for everybody", async () => {
    const described = async (login: string, path: string): Promise<boolean> =>
      Object.keys((await on.call(login, path)).body["paths"] as object).some((each) => each.startsWith("/data/scan/"));
    expect([
      await described("root", "/data/openapi.json"),
      await described("bob", "/data/openapi.json"),
      await described("root", "/openapi.json"),
    ]).toEqual([true, false, true]);
  });

  it("lets hooks change its rows, page by page", async () => {
    const hook: Hook = {
      on: "postProcess",
      path: "/data/scan",
      run(_request, rows) {
        for (const row of rows) Object.assign(row, { people: 1, hash: "h" });
      },
    };
    await using hooked = await filled({ limits: { maxScanRows: 1000 }, hooks: [hook] });
    const { text } = await hooked.call("root", "/data/scan/city");
    expect(new Set(rowsOf(text).map(({ people, hash }) => `${String(people)} ${String(hash)}`))).toEqual(new Set(["1 undefined"]));
    expect(rowsOf(text).length).toBe(250);
  });

  it("has no body for HEAD, and changes nothing, so a signature is not used up", async () => {
    const url = `${origin}/data/scan/city`;
    for (const method of ["HEAD", "GET"]) {
      const headers = { host: "bk.test", ...(await signRequest({ method, url, login: "root", secret: "secret of root" })) };
      for (let i = 0; i < 2; i++) {
        const reply = await replyOf(await on.server.app.fetch(new Request(url, { method, headers })));
        expect([reply.status, reply.text === ""]).toEqual([200, method === "HEAD"]);
      }
    }
  });
});

describe("a scan that is not read to its end", () => {
  const url = `${origin}/data/scan/city`;
  const ask = async (on: TestServer, signal?: AbortSignal): Promise<Response> => {
    const headers = { host: "bk.test", ...(await signRequest({ method: "GET", url, login: "root", secret: "secret of root" })) };
    return on.server.app.fetch(new Request(url, { headers, ...(signal === undefined ? {} : { signal }) }));
  };
  /** Counts the pages that were read. */
  const counting = (): { hook: Hook; pages: () => number } => {
    let pages = 0;
    return { hook: { on: "postProcess", path: "/data/scan", run: () => void pages++ }, pages: () => pages };
  };

  it("reads no further than its client does", async () => {
    const { hook, pages } = counting();
    await using on = await filled({ limits: { maxScanRows: 1000 }, hooks: [hook] });
    const reader = (await ask(on)).body!.getReader();
    expect(pages()).toBe(1);
    await reader.read();
    expect(pages()).toBe(1);
    await reader.read();
    expect(pages()).toBe(2);
    await reader.cancel();
    const gone = new AbortController();
    const reply = await ask(on, gone.signal);
    const other = reply.body!.getReader();
    await other.read();
    gone.abort();
    await expect(other.read()).rejects.toMatchObject({ code: "cancelled" });
    expect(pages()).toBe(3);
    expect(on.logged.filter((line) => line.includes("broke off"))).toEqual([]);
  });

  it("is cut on a socket when its client leaves", async () => {
    const { hook, pages } = counting();
    let ended: () => void = () => undefined;
    const left = new Promise<void>((resolve) => (ended = resolve));
    const behind: Hook = { on: "cleanup", path: "/data/scan", run: () => ended() };
    await using on = await startServer({ limits: { maxScanRows: 100_000, maxBodyBytes: 20_000_000 }, hooks: [hook, behind] });
    const name = "x".repeat(1000);
    const draft = "y".repeat(30_000);
    for (let part = 0; part < 10; part++) {
      const items = Array.from({ length: 200 }, (_each, i) => ({
        op: "put",
        table: "city",
        row: { country: `${part}`, name: `${name}${i}`, draft },
      }));
      expect((await on.call("root", "/data/batch", { json: items })).status).toBe(200);
    }
    const { url: at } = await on.server.listen({ port: 0 });
    const target = `${at}/data/scan/city`;
    const reply = await fetch(target, {
      headers: await signRequest({ method: "GET", url: target, login: "root", secret: "secret of root" }),
    });
    const reader = reply.body!.getReader();
    await reader.read();
    await reader.cancel();
    await left;
    const read = pages();
    // Whatever was under way is done when the server has ended.
    await on.server.close();
    expect([pages() - read <= 1, pages() < 20]).toEqual([true, true]);
  });

  it("breaks off where the database fails, and says so in the log", async () => {
    const db = await openDb({ url: "memory:", tables: { ...tables, ...authTables } });
    await db.sync();
    let failing = false;
    const select = db.select.bind(db) as (...given: unknown[]) => Promise<unknown>;
    // Admins read every row, so what is within a scope is what is without.
    const scoped = (inner: object): object =>
      new Proxy(inner, {
        get(target, property) {
          if (property === "select")
            return (...given: unknown[]) =>
              failing ? Promise.reject(new DbError("unavailable", "away")) : (select as never as typeof select)(...given);
          if (property === "scope")
            return (...given: unknown[]) => scoped((target as unknown as { scope(...given: unknown[]): object }).scope(...given));
          const value: unknown = Reflect.get(target, property);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    await using on = await filled({ db: scoped(db) as never, limits: { maxScanRows: 1000 } });
    const reader = (await ask(on)).body!.getReader();
    await reader.read();
    failing = true;
    await expect(reader.read()).rejects.toMatchObject({ code: "unavailable" });
    expect(on.logged.some((line) => line.includes("a scan broke off") && line.includes("unavailable"))).toBe(true);
    expect((await replyOf(await ask(on))).status).toBe(503);
    await db.close();
  });
});
