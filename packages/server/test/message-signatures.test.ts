// Requests that are signed by RFC 9421, through the server.
import { memoryKeys, messageSignatures, signFetch } from "@bk/auth/message-signatures";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { origin, startServer, type TestServer } from "./start-server.js";

const key = { algorithm: "hmac-sha256", secret: "a secret of many characters" } as const;
const keys = memoryKeys([
  { keyid: "all", login: "root", key },
  { keyid: "reads", login: "root", key, scopes: ["/data/get/*"] },
]);
let on: TestServer;
beforeAll(async () => {
  on = await startServer({ auth: { messages: messageSignatures({ keys }) } });
});
afterAll(() => on.server.close());

const put = { method: "POST", body: '{"country":"IT","name":"Rome","people":1}', headers: { "content-type": "application/json" } };
const sign = (path: string, keyid: string, init: RequestInit = {}) => signFetch(new Request(origin + path, init), { key, keyid });
const send = async (request: Request) => {
  const reply = await on.server.app.fetch(request);
  return { status: reply.status, body: (await reply.json()) as object };
};

describe("message signatures", () => {
  it("write once, and read", async () => {
    const signed = await sign("/data/put/city", "all", put);
    expect(await send(signed.clone())).toMatchObject({ status: 200 });
    expect(await send(signed.clone())).toMatchObject({ status: 401, body: { code: "REPLAYED" } });
    expect(await send(await sign("/data/get/city?country=IT&name=Rome", "reads"))).toMatchObject({ status: 200, body: { people: 1 } });
  });

  it("do not write with a key that may only read, nor with another body", async () => {
    expect(await send(await sign("/data/put/city", "reads", put))).toMatchObject({ status: 403, body: { code: "SCOPE" } });
    const { headers } = await sign("/data/put/city", "all", put);
    const other = new Request(`${origin}/data/put/city`, { ...put, headers, body: put.body.replace("Rome", "Bari") });
    expect(await send(other)).toMatchObject({ status: 400, body: { code: "CHECKSUM" } });
  });
});
