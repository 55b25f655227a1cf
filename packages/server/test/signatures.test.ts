// What the server does with signatures; the protocol itself is tested in @bk/auth.
import { signUrl } from "@bk/auth";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { origin, replyOf, startServer, type TestServer } from "./start-server.js";

let on: TestServer;
beforeAll(async () => {
  on = await startServer();
  await on.call("root", "/data/put/city", { json: { country: "IT", name: "Rome", people: 1 } });
});
afterAll(() => on.server.close());

const path = "/data/get/city?country=IT&name=Rome";

describe("signatures", () => {
  it.each([
    ["none", { signed: false }, "NOLOGIN"],
    ["a wrong secret", { secret: "guess" }, "NOAUTH"],
    ["an unknown login", { login: "nobody" }, "NOAUTH"],
    ["one that has ended", { expires: new Date(Date.now() - 60_000) }, "EXPIRED"],
    ["one that holds too long", { ttlMs: 86_400_000 }, "EXPIRED"],
    ["another host", { headers: { host: "other.test" } }, "NOAUTH"],
    ["garbage", { headers: { "bk-signature": "4|x|y" } }, "NOLOGIN"],
  ])("%s is answered with 401 and says why", async (_name, options, code) => {
    const reply = await on.call("bob", path, options);
    expect(reply.body).toEqual({ status: 401, message: expect.any(String), code });
    expect(reply.status).toBe(401);
  });

  it("do not fit another query, path or method", async () => {
    const url = await signUrl({ url: origin + path, login: "bob", secret: "secret of bob" });
    const send = async (target: string, method = "GET"): Promise<number> =>
      (await on.server.app.fetch(new Request(target, { method }))).status;
    expect(await send(url)).toBe(200);
    expect(await send(url.replace("Rome", "Milan"))).toBe(401);
    expect(await send(url.replace("/get/", "/del/"))).toBe(401);
    expect(await send(url, "DELETE")).toBe(401);
    expect(await send(url.replace("?", "?_select=name&"))).toBe(401);
  });

  it("count once where something changes, by GET too; reads may be repeated", async () => {
    const twice = async (target: string): Promise<number[]> => {
      const url = await signUrl({ url: origin + target, login: "root", secret: "secret of root" });
      const send = async (): Promise<number> => (await on.server.app.fetch(new Request(url))).status;
      return [await send(), await send()];
    };
    expect(await twice(path)).toEqual([200, 200]);
    expect(await twice("/data/incr/city?country=IT&name=Rome&people=1")).toEqual([200, 401]);
    expect((await on.call("root", path)).body).toMatchObject({ people: 2 });
  });

  it("cover the body: another one is refused and writes nothing", async () => {
    const reply = await on.call("root", "/data/put/city", { body: '{"country":"IT","name":"Rome","people":5}', headers: {} });
    expect(reply.status).toBe(200);
    const { "bk-signature": signature } = await import("@bk/auth").then(({ signRequest }) =>
      signRequest({
        method: "POST",
        url: `${origin}/data/put/city`,
        body: '{"country":"IT","name":"Rome","people":6}',
        login: "root",
        secret: "secret of root",
      }),
    );
    const forged = new Request(`${origin}/data/put/city`, {
      method: "POST",
      headers: { "bk-signature": signature!, "content-type": "application/json" },
      body: '{"country":"IT","name":"Rome","people":9}',
    });
    expect(await replyOf(await on.server.app.fetch(forged))).toMatchObject({ status: 400, body: { code: "CHECKSUM" } });
    expect((await on.call("root", path)).body).toMatchObject({ people: 5 });
  });

  it("a posted form is signed in place of the query, which then counts for nothing", async () => {
    const reply = await on.call("bob", "/data/get/city?country=FR", {
      method: "POST",
      body: new URLSearchParams({ country: "IT", name: "Rome" }),
    });
    expect(reply.body).toMatchObject({ name: "Rome" });
  });

  it("are never written to the log, nor are values and secrets", async () => {
    const url = await signUrl({ url: `${origin}/data/get/city?country=IT&name=Confidential`, login: "bob", secret: "secret of bob" });
    expect((await on.server.app.fetch(new Request(url))).status).toBe(404);
    const log = on.logged.join("\n");
    expect(log).toContain("GET /data/get/city 404");
    for (const secret of ["secret of", "bk-signature", "Confidential", new URL(url).searchParams.get("bk-signature")!.split("|")[3]!])
      expect(log).not.toContain(secret);
  });
});
