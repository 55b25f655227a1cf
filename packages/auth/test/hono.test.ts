import { request as nodeRequest } from "node:http";
import type { AddressInfo } from "node:net";

import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { describe, expect, it, onTestFinished } from "vitest";

import { auth, type AuthMiddlewareOptions, type AuthVariables } from "@bk/auth/hono";
import { AuthError, type AuthOptions, createAuth, memoryAttempts, signRequest } from "../src/index.js";

const origin = "http://localhost";
const people = new Map([["bob", { id: "u1", login: "bob", secret: "s3cret", name: "Bob" }]]);
const accounts = { findByLogin: (login: string) => Promise.resolve(people.get(login)) };

function appWith(own: Partial<AuthOptions> = {}, options: AuthMiddlewareOptions = {}) {
  const app = new Hono<{ Variables: AuthVariables }>();
  app.use(auth({ accounts, rules: { allowPaths: ["/open"], allowAdmin: ["/admin/*"] }, ...own }, options));
  app.all("/open", (context) => context.json({ login: context.get("account")?.login ?? null, source: context.get("auth").source }));
  app.post("/echo", async (context) => context.json({ account: context.get("account"), body: await context.req.json<unknown>() }));
  app.all("*", (context) => context.json({ login: context.get("account")?.login, query: context.get("auth").query }));
  return app;
}

async function signed(path: string, own: { method?: string; body?: string; secret?: string } = {}): Promise<Request> {
  const { method = "GET", secret = "s3cret", ...rest } = own;
  const url = origin + path;
  return new Request(url, { method, ...rest, headers: await signRequest({ method, url, login: "bob", secret, ...rest }) });
}

describe("auth() in an app of one's own", () => {
  it("lets a signed request through with its account, which has no secret in it", async () => {
    const reply = await appWith().request(await signed("/echo", { method: "POST", body: '{"a":1}' }));
    expect([reply.status, await reply.json()]).toEqual([200, { account: { id: "u1", login: "bob", name: "Bob" }, body: { a: 1 } }]);
  });

  it("leaves the query that handlers may use", async () => {
    expect(await (await appWith().request(await signed("/data?x=1"))).json()).toEqual({ login: "bob", query: "x=1" });
  });

  it("lets everybody on open paths, without an account", async () => {
    expect(await (await appWith().request("/open")).json()).toEqual({ login: null, source: "none" });
  });

  it("answers others with status, message and code, and reaches no handler", async () => {
    let reached = 0;
    const app = new Hono();
    app.use(auth({ accounts }));
    app.all("*", (context) => context.text(String(++reached)));
    const reply = await app.request("/data");
    expect(await reply.json()).toEqual({ status: 401, message: "No login provided", code: "NOLOGIN" });
    expect([reply.status, reply.headers.get("cache-control"), reply.headers.get("x-content-type-options"), reached]).toEqual([
      401,
      "no-store",
      "nosniff",
      0,
    ]);
  });

  it("tells rules and bodies that do not fit apart", async () => {
    const app = appWith();
    expect(await (await app.request(await signed("/admin/x"))).json()).toMatchObject({ status: 403, code: "ADMIN" });
    const good = await signed("/echo", { method: "POST", body: "{}" });
    const forged = new Request(good.url, { method: "POST", headers: good.headers, body: '{"a":2}' });
    expect(await (await app.request(forged)).json()).toMatchObject({ status: 400, code: "CHECKSUM" });
  });

  it("takes a signature that changes something once, until a handler gives it back", async () => {
    const app = appWith();
    app.post("/try/again", () => new Response());
    const reply = await signed("/data", { method: "POST", body: "{}" });
    expect((await app.request(reply.clone())).status).toBe(200);
    expect(await (await app.request(reply.clone())).json()).toMatchObject({ status: 401, code: "REPLAYED" });

    const giving = new Hono<{ Variables: AuthVariables }>();
    giving.use(auth({ accounts }));
    giving.post("*", async (context) => {
      await context.get("auth").giveBack?.();
      return context.text("not now", 409);
    });
    const again = await signed("/data", { method: "POST", body: "{}" });
    expect([(await giving.request(again.clone())).status, (await giving.request(again.clone())).status]).toEqual([409, 409]);
  });

  it("asks whether a request changes something, where a GET does", async () => {
    const app = appWith({}, { changes: ({ req }) => req.path.startsWith("/do/") });
    const call = await signed("/do/it");
    expect([(await app.request(call.clone())).status, (await app.request(call.clone())).status]).toEqual([200, 401]);
  });

  it("reads no more of a body than it may", async () => {
    const reply = await appWith({ maxBodyBytes: 10 }).request(
      await signed("/echo", { method: "POST", body: JSON.stringify("x".repeat(20)) }),
    );
    expect(await reply.json()).toMatchObject({ status: 413, code: "TOOLARGE" });
  });

  it("takes a body that a middleware before it has read", async () => {
    const app = new Hono<{ Variables: AuthVariables }>();
    app.use(async (context, next) => {
      await context.req.text();
      await next();
    });
    app.use(auth({ accounts }));
    app.post("/echo", async (context) => context.json({ login: context.get("account")?.login, body: await context.req.json<unknown>() }));
    const reply = await app.request(await signed("/echo", { method: "POST", body: '{"a":1}' }));
    expect(await reply.json()).toEqual({ login: "bob", body: { a: 1 } });
  });

  it("says how long to wait after wrong signatures, counted by address", async () => {
    const notes: unknown[] = [];
    const app = appWith(
      { attempts: memoryAttempts({ maxPerMinute: 2 }) },
      { addressOf: ({ req }) => req.header("x-from"), onRefused: ({ login, why }, { req }) => notes.push([login, why, req.path]) },
    );
    const from = async (address: string, secret: string) => {
      const call = await signed("/data", { secret });
      call.headers.set("x-from", address);
      return app.request(call);
    };
    for (let i = 0; i < 2; i++) expect((await from("1.1.1.1", "wrong")).status).toBe(401);
    const refused = await from("1.1.1.1", "s3cret");
    expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, expect.closeTo(30, -2)]);
    expect(await refused.json()).toMatchObject({ status: 429, code: "LIMITED" });
    expect((await from("2.2.2.2", "s3cret")).status).toBe(200);
    expect(notes[0]).toEqual(["bob", expect.any(String), "/data"]);
  });

  it("answers 503 where a store is away, and leaves other errors to the app", async () => {
    const failing = (error: Error) => appWith({ nonces: { take: () => Promise.reject(error) } });
    const call = () => signed("/data", { method: "POST", body: "{}" });
    const away = await failing(new AuthError("unavailable", "used signatures cannot be looked up")).request(await call());
    expect([away.status, await away.json()]).toEqual([
      503,
      { status: 503, code: "unavailable", message: "used signatures cannot be looked up" },
    ]);
    const broken = failing(new Error("no such table: secret"));
    broken.onError((error, context) => context.text(error.message.length.toString(), 500));
    expect((await broken.request(await call())).status).toBe(500);
  });

  it("takes a gate that was made before, and refuses options that cannot be used", async () => {
    const app = new Hono<{ Variables: AuthVariables }>();
    app.use(auth(createAuth({ accounts })));
    app.get("*", (context) => context.json(context.get("account")?.id));
    expect(await (await app.request(await signed("/x"))).json()).toBe("u1");
    expect(() => auth({} as AuthOptions)).toThrow(AuthError);
  });

  it("verifies what was on the wire, where it runs on node-server", async () => {
    const app = appWith({ attempts: memoryAttempts({ maxPerMinute: 1 }) });
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    onTestFinished(() => void server.close());
    if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const send = (path: string, headers: Record<string, string>, body?: string): Promise<[number | undefined, unknown]> =>
      new Promise((resolve, reject) => {
        // As it stands: fetch would resolve the dot segment.
        const request = nodeRequest({ port, host: "127.0.0.1", path, headers, method: body === undefined ? "GET" : "POST" }, (reply) => {
          let text = "";
          reply.on("data", (part) => (text += part));
          reply.on("end", () => resolve([reply.statusCode, JSON.parse(text)]));
        });
        request.on("error", reject);
        request.end(body);
      });
    const host = `127.0.0.1:${port}`;
    const own = { host, login: "bob", secret: "s3cret" };
    const dotted = "/data/./x?b=2&a=1";
    expect(await send(dotted, await signRequest({ method: "GET", url: dotted, ...own }))).toEqual([
      200,
      { login: "bob", query: "b=2&a=1" },
    ]);
    const post = await signRequest({ method: "POST", url: "/echo", body: '{"a":1}', ...own });
    expect(await send("/echo", post, '{"a":1}')).toMatchObject([200, { body: { a: 1 } }]);
    // The address is that of the connection.
    await send("/x", await signRequest({ method: "GET", url: "/x", ...own, secret: "wrong" }));
    expect((await send("/x", await signRequest({ method: "GET", url: "/x", ...own })))[0]).toBe(429);
  });
});
