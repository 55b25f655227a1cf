// `_session` and `_accesstoken` of /account/get, as /auth has them.

import { signRequest } from "@bk/auth";
import { accounts, pico } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { origin, type Reply, replyOf, startServer, type TestServer } from "./start-server.js";

let on: TestServer;
beforeAll(async () => {
  on = await startServer({ modules: [accounts(), pico({ refusalMs: 0 })] });
});
afterAll(() => on.server.close());

const path = "/account/get";
const begin = `${path}?_session=1&_accesstoken=1`;

async function send(target: string, headers: Record<string, string> = {}, json?: unknown): Promise<Reply> {
  const init = json === undefined ? {} : { method: "POST", body: JSON.stringify(json) };
  const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
  return replyOf(await on.server.app.fetch(new Request(origin + target, { ...init, headers: { host: "bk.test", ...type, ...headers } })));
}
const cookieOf = (reply: Reply): string => (reply.headers.get("set-cookie") ?? "").split(";")[0]!;
const fromHere = { "sec-fetch-site": "same-origin" };

describe("/account/get", () => {
  it("gives a session and a token for a signature, and nothing unasked", async () => {
    const plain = await on.call("bob", path);
    expect([plain.headers.get("set-cookie"), plain.body["bk-access-token"]]).toEqual([null, undefined]);
    const begun = await on.call("bob", begin);
    expect(begun.body).toMatchObject({ id: on.ids["bob"], login: "bob", "bk-access-token-age": 604_800_000 });
    expect(begun.headers.get("set-cookie")).toContain("__Host-bk-sid=");
    expect(begun.text).not.toContain("secret");
    for (const headers of [{ cookie: cookieOf(begun) }, { authorization: `Bearer ${String(begun.body["bk-access-token"])}` }])
      expect(await send(path, headers)).toMatchObject({ status: 200, body: { id: on.ids["bob"] } });
    // Also by name, in the body.
    expect(cookieOf(await on.call("bob", path, { json: { id: on.ids["bob"], _session: true } }))).not.toBe("");
  });

  it("takes the signature of such a request once, however the parameter is written", async () => {
    for (const [target, body] of [
      ["?_session=1", undefined],
      ["?%5fsession=1", undefined],
      ["?_%73ession=1", undefined],
      ["", '{"_session":1}'],
      ["", '{"\\u005fsession":1}'],
    ] as const) {
      const [url, method] = [`${origin}${path}${target}`, body === undefined ? "GET" : "POST"];
      const headers = { host: "bk.test", ...(await signRequest({ method, url, body, login: "bob", secret: "secret of bob" })) };
      const statuses: number[] = [];
      for (let i = 0; i < 2; i++) {
        const reply = await on.server.app.fetch(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }));
        expect(reply.headers.has("set-cookie")).toBe(i === 0);
        statuses.push(reply.status);
      }
      expect(statuses).toEqual([200, 401]);
    }
  });

  it("begins others for a session from a page of the same site, and ends it with _session=0", async () => {
    const cookie = cookieOf(await on.call("eve", begin));
    expect(await send(begin, { cookie, ...fromHere })).toMatchObject({ status: 403, body: { code: "CSRF" } });
    expect(await send(path, { cookie, "sec-fetch-site": "cross-site" }, { _session: 1 })).toMatchObject({ status: 403 });
    const another = await send(path, { cookie, ...fromHere }, { _session: 1, _accesstoken: 1 });
    expect(another).toMatchObject({ status: 200, body: { login: "eve", "bk-access-token": expect.any(String) } });
    // Reading stays a request by GET, with whatever else is escaped in it.
    expect((await send(`${path}?id=${on.ids["bob"]}%2C${on.ids["eve"]}`, { cookie })).status).toBe(200);
    const ended = await send(path, { cookie, ...fromHere }, { _session: 0 });
    expect(ended).toMatchObject({ status: 200, body: { login: "eve" } });
    expect(ended.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await send(path, { cookie })).status).toBe(401);
    expect((await send(path, { cookie: cookieOf(another) })).status).toBe(200);
  });

  it("gives none for tokens, for nobody, beside other accounts, nor for what is no flag", async () => {
    const { body } = await on.call("bob", begin);
    const bearer = { authorization: `Bearer ${String(body["bk-access-token"])}` };
    for (const query of ["_session=1", "_accesstoken=1"])
      expect(await send(`${path}?${query}`, bearer)).toMatchObject({ status: 403, body: { code: "denied" } });
    expect((await send(begin)).status).toBe(401);
    const others = await on.call("bob", `${begin}&id=${on.ids["eve"]}`);
    expect(others).toMatchObject({ status: 400, body: { field: "_session" } });
    expect(others.headers.get("set-cookie")).toBeNull();
    expect(await on.call("bob", `${path}?_session=perhaps`)).toMatchObject({ status: 400, body: { field: "_session" } });
    const order = [{ api: path, reqId: 1, data: { _session: 1 } }];
    expect((await on.call("bob", "/pull", { json: order })).text).toContain("no parameter");
    expect(await on.call("bob", "/account/select?_session=1")).toMatchObject({ status: 400, body: { field: "_session" } });
  });

  it("does not know them where nobody logs in, in the OpenAPI document neither", async () => {
    const described = async (of: TestServer): Promise<boolean> =>
      JSON.stringify(((await of.call("", "/openapi.json", { signed: false })).body["paths"] as Record<string, unknown>)[path]).includes(
        "_session",
      );
    expect(await described(on)).toBe(true);
    await using off = await startServer({ modules: [accounts()], login: false });
    expect(await off.call("bob", `${path}?_session=1`)).toMatchObject({ status: 400, body: { field: "_session" } });
    expect(await described(off)).toBe(false);
  });
});
