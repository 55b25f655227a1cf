// Endpoints of one path in several versions, in a module of an app.

import { signUrl } from "@bk/auth";
import { type BackendModule, endpoint, type Endpoint, EventStream, pico } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { origin, startServer, type TestServer } from "../start-server.js";

const shop = (endpoints: readonly Endpoint[]): BackendModule => ({ name: "shop", tables: {}, start: () => ({ name: "shop", endpoints }) });
const said = { type: "object", additionalProperties: true } as const;

/** A price in whole coins until 2015, with a currency since, and by now of several things. */
const prices = [
  endpoint({
    path: "/shop/price",
    version: "2016-03-01",
    summary: "The price of things",
    who: "account",
    parameters: { things: { type: "list", required: true } },
    reply: said,
    answer: async ({ values, version, app }) => ({ run: "2016-03-01", things: values.things, version: version ?? null, app: app ?? null }),
  }),
  endpoint({
    path: "/shop/price",
    version: "2014-01-01",
    summary: "The price of a thing",
    who: "account",
    parameters: { thing: { required: true } },
    reply: said,
    answer: async ({ values }) => ({ run: "2014-01-01", thing: values.thing }),
  }),
  endpoint({
    path: "/shop/price",
    version: "2015-01-01",
    summary: "The price of a thing, with its currency",
    who: "account",
    parameters: { thing: { required: true }, currency: { default: "EUR" } },
    reply: said,
    answer: async ({ values }) => ({ run: "2015-01-01", currency: values.currency }),
  }),
];
const others = [
  endpoint({
    path: "/shop/old",
    summary: "What was there before versions",
    who: "anybody",
    reply: said,
    answer: async () => ({ run: "none" }),
  }),
  endpoint({
    path: "/shop/old",
    version: "2015",
    summary: "What came later",
    who: "anybody",
    reply: said,
    answer: async () => ({ run: "2015" }),
  }),
  endpoint({
    path: "/shop/rest/*",
    version: "2",
    summary: "Everything below",
    who: "anybody",
    reply: said,
    answer: async ({ rest }) => ({ run: "2", rest }),
  }),
  endpoint({
    path: "/shop/news",
    version: "1",
    summary: "Not yet a stream",
    who: "account",
    reply: said,
    answer: async () => ({ run: "1" }),
  }),
  endpoint({
    path: "/shop/news",
    version: "2",
    summary: "A stream",
    who: "account",
    reply: "text/event-stream",
    streams: true,
    answer: ({ version, whenRefused }) =>
      EventStream.of({
        whenRefused,
        listen: () => Promise.resolve(() => undefined),
        missed: () => Promise.resolve([{ id: "1", data: { run: "2", version } }]),
      }),
  }),
];

describe("endpoints in versions", () => {
  let on: TestServer;
  beforeAll(async () => {
    on = await startServer({ modules: [shop([...prices, ...others]), pico()], cors: { origins: ["https://app.example.com"] } });
  });
  afterAll(() => on.server.close());
  const asked = (version: string): { headers: Record<string, string> } => ({ headers: { "bk-version": version } });

  it("runs the newest that is not above what is asked for", async () => {
    const runs = async (version: string): Promise<unknown> => (await on.call("bob", "/shop/price?thing=tea", asked(version))).body["run"];
    expect(await runs("2014-01-01")).toBe("2014-01-01");
    expect(await runs("2014-12-31")).toBe("2014-01-01");
    expect(await runs("2015-01-01")).toBe("2015-01-01");
    expect(await runs("2015.1.2")).toBe("2015-01-01");
  });

  it("runs the newest of all for whoever asks for none, or for one to come", async () => {
    for (const options of [{}, asked("2030-01-01"), asked("")])
      expect((await on.call("bob", "/shop/price?things=tea,milk", options)).body).toMatchObject({
        run: "2016-03-01",
        things: ["tea", "milk"],
      });
  });

  it("takes the parameters of the version that runs, and no others", async () => {
    const refused = await on.call("bob", "/shop/price?thing=tea&currency=USD", asked("2014-06-01"));
    expect(refused).toMatchObject({ status: 400, body: { field: "currency" } });
    expect((await on.call("bob", "/shop/price?thing=tea&currency=USD", asked("2015-06-01"))).body["currency"]).toBe("USD");
    expect(await on.call("bob", "/shop/price?thing=tea")).toMatchObject({ status: 400, body: { field: "thing" } });
  });

  it("takes the version from the query too, which is no parameter of the endpoint, and signed", async () => {
    expect((await on.call("bob", "/shop/price?thing=tea&bk-version=2015-02-01&bk-app=Till%2F2.1%2Fios")).body["run"]).toBe("2015-01-01");
    // The query comes first.
    expect((await on.call("bob", "/shop/price?thing=tea&bk-version=2014-02-01", asked("2015-02-01"))).body["run"]).toBe("2014-01-01");
    expect((await on.call("bob", "/shop/price?things=tea", { url: `${origin}/shop/price?things=tea&bk-version=1` })).status).toBe(401);
  });

  it("says in the reply which version was asked for, in errors too", async () => {
    const replies = [
      await on.call("bob", "/shop/price?thing=tea", asked("2015-02-01")),
      await on.call("bob", "/shop/price", asked("2015-02-01")),
      await on.call("bob", "/shop/price?thing=tea", { ...asked("2015-02-01"), signed: false }),
      await on.call("bob", "/nothing", asked("2015-02-01")),
      await on.call("bob", "/data/get/note?id=1", asked("2015-02-01")),
      await on.call("bob", "/data/batch", { ...asked("2015-02-01"), json: [] }),
    ];
    expect(replies.map(({ status, headers }) => [status, headers.get("bk-version")])).toEqual(
      [200, 400, 401, 404, 404, 200].map((status) => [status, "2015-02-01"]),
    );
    expect((await on.call("bob", "/shop/price?things=tea")).headers.get("bk-version")).toBeNull();
  });

  it("refuses what is older than the oldest, and what is no version", async () => {
    const below = await on.call("bob", "/shop/price?thing=tea", asked("2013-12-31"));
    expect(below).toMatchObject({ status: 400, body: { code: "invalid", field: "bk-version" } });
    expect(below.body["message"]).toContain("the oldest is 2014-01-01");
    for (const path of ["/shop/price?thing=tea", "/data/get/note?id=1", "/openapi.json"])
      expect(await on.call("bob", path, asked("newest"))).toMatchObject({ status: 400, body: { field: "bk-version" } });
  });

  it("takes an endpoint without a version for older than all others", async () => {
    const runs = async (version: string): Promise<unknown> =>
      (await on.call("", "/shop/old", { ...asked(version), signed: false })).body["run"];
    expect([await runs("2014"), await runs("2015"), await runs("2016")]).toEqual(["none", "2015", "2015"]);
  });

  it("knows versions of open paths", async () => {
    expect((await on.call("", "/shop/rest/a/b", { ...asked("2.5"), signed: false })).body).toEqual({ run: "2", rest: "a/b" });
    expect((await on.call("", "/shop/rest/a/b", { ...asked("1.5"), signed: false })).status).toBe(400);
  });

  it("hands over the version and the app that asks", async () => {
    const { body } = await on.call("bob", "/shop/price?things=tea", { headers: { "bk-version": "2017", "bk-app": "Till/2.1/ios" } });
    expect(body).toMatchObject({ version: "2017", app: { name: "Till", version: "2.1", platform: "ios" } });
    expect((await on.call("bob", "/shop/price?things=tea")).body).toMatchObject({ version: null, app: null });
  });

  it("holds for the orders of a request that has a version", async () => {
    const orders = [{ api: "/shop/price", reqId: 1, data: { thing: "tea" } }];
    const { text } = await on.call("bob", "/pull", { json: orders, ...asked("2015-06-01") });
    expect(text).toContain('"run":"2015-01-01"');
    const { text: below } = await on.call("bob", "/pull", { json: orders, ...asked("2013") });
    expect(below).toContain("the oldest is 2014-01-01");
  });

  it("holds for WebSockets and their messages", async () => {
    const { url } = await on.server.listen({ port: 0 });
    const target = await signUrl({ url: `${url}/shop/news`, login: "bob", secret: "secret of bob" });
    const open = (headers: Record<string, string>): WebSocket => new WebSocket(target.replace("http", "ws"), { headers });
    const messagesOf = (socket: WebSocket): Promise<string> =>
      new Promise((resolve, reject) => {
        socket.once("message", (data: Buffer) => resolve(data.toString()));
        socket.once("error", reject);
      });
    const socket = open({ "bk-version": "2016-01-01" });
    expect(JSON.parse(await messagesOf(socket))).toMatchObject({ run: "2", version: "2016-01-01" });
    const price = await signUrl({ url: `${url}/shop/price?thing=tea`, login: "bob", secret: "secret of bob" });
    socket.send(price.slice(url.length));
    expect(JSON.parse(await messagesOf(socket))).toMatchObject({ run: "2015-01-01" });
    const older = await signUrl({ url: `${url}/shop/price?thing=tea&bk-version=2014-01-01`, login: "bob", secret: "secret of bob" });
    socket.send(older.slice(url.length));
    expect(JSON.parse(await messagesOf(socket))).toMatchObject({ run: "2014-01-01" });
    socket.close();
    // The first version does not stream.
    const refused = open({ "bk-version": "1" });
    const status = await new Promise((resolve) =>
      refused.once("unexpected-response", (_request, response) => resolve(response.statusCode)),
    );
    expect(status).toBe(200);
  });

  it("describes the version that is asked for in the OpenAPI document", async () => {
    type Parameter = { readonly $ref?: string; readonly name?: string; readonly required?: boolean; readonly schema?: object };
    type Document = {
      readonly paths: Readonly<
        Record<string, { readonly get: { readonly parameters: readonly Parameter[]; readonly description?: string } }>
      >;
      readonly components: { readonly parameters: Readonly<Record<string, Parameter>> };
    };
    const read = async (path: string, headers: Record<string, string> = {}): Promise<object> => {
      const { paths, components } = (await on.call("bob", path, { headers })).body as unknown as Document;
      const { parameters = [], description } = paths["/shop/price"]?.get ?? {};
      const { required, schema } = components.parameters["bk-version"]!;
      return { parameters: parameters.map(({ $ref, name }) => name ?? $ref), description, required, schema };
    };
    const ref = "#/components/parameters/bk-version";
    const newest = {
      parameters: [ref, "things"],
      description: "Version 2016-03-01.",
      required: false,
      schema: { type: "string", enum: ["2016-03-01"] },
    };
    const older = {
      parameters: [ref, "thing"],
      description: "Version 2014-01-01.",
      required: true,
      schema: { type: "string", enum: ["2014-01-01"] },
    };
    for (const path of ["/openapi.json", "/data/openapi.json"]) {
      expect(await read(path)).toEqual(newest);
      expect(await read(path, { "bk-version": "2014-01-01" })).toEqual(older);
      expect(await read(path, { "bk-version": "1" })).toMatchObject({ parameters: [] });
    }
  });

  it("lets pages of other origins send and read it", async () => {
    const preflight = await on.server.app.fetch(
      new Request(`${origin}/shop/price`, {
        method: "OPTIONS",
        headers: {
          origin: "https://app.example.com",
          "access-control-request-method": "GET",
          "access-control-request-headers": "bk-version",
        },
      }),
    );
    expect(preflight.headers.get("access-control-allow-headers")).toContain("bk-version");
  });
});

it.each([
  ["of one version", "1.0", "account", "is a path of shop already"],
  ["that is none", "next", "account", "is none such as"],
  ["for different callers", "2", "admin", "for different callers"],
] as const)("refuses endpoints with a version %s", async (_what, version, who, message) => {
  const one = { path: "/shop/a", summary: "A", reply: said, answer: async () => ({}) };
  const modules = [shop([endpoint({ ...one, version: "1", who: "account" }), endpoint({ ...one, version, who })])];
  await expect(startServer({ modules })).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(message) });
});
