import { readdirSync } from "node:fs";

import { accounts, counters, files, messages, pico, type PicoModule } from "@bk/modules";
import { orderKey } from "@bk/modules/pico";
import { BkError } from "@bk/core";
import { describe, expect, it } from "vitest";

import { temporaryFolder } from "../run-cli.js";
import { startServer, type TestServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

interface Packet {
  readonly api: string;
  readonly reqId: number;
  readonly resId: number;
  readonly status: number;
  readonly data?: Record<string, unknown>;
  readonly error?: { readonly status: number; readonly code: string };
}

let module: PicoModule;
const asJson = { "content-type": "application/json" };
const actions = {
  echo: (data: unknown) => data,
  fail: () => {
    throw new BkError("invalid", "no");
  },
  crash: () => {
    throw new Error("a secret of the database");
  },
};

describe("the module pico", () => {
  onEngines(
    () => [accounts(), counters(), (module = pico({ actions, refusalMs: 0 }))],
    (server) => {
      const pull = async (login: string | undefined, json: unknown, path = "/pull"): Promise<(Packet & string[])[]> => {
        const reply = await server.test.call(login ?? "", path, { json, signed: login !== undefined, headers: asJson });
        expect(reply.status).toBe(200);
        return JSON.parse(reply.text) as (Packet & string[])[];
      };

      it("runs orders in turn, which use what earlier ones gave, for the account that calls", async () => {
        const ann = await server.add("ann");
        const packets = await pull(ann.login, [
          { api: "/counter/incr", data: { ping: 2 } },
          { api: "/counter/get", reqId: 1, data: "" },
          { api: "echo", reqId: 2, data: { ping: "$1.data.ping", whole: { $ref: "1.data" }, text: "$$1.data", list: ["$1.status"] } },
        ]);
        expect(packets).toMatchObject([
          { api: "/counter/get", reqId: 1, resId: 0, status: 200, data: { id: ann.id, ping: 2 } },
          { api: "echo", reqId: 2, data: { ping: 2, whole: { id: ann.id }, text: "$1.data", list: [200] } },
        ]);
        expect(packets.length).toBe(2);
      });

      it("stops at what fails, or goes on, as it is asked to", async () => {
        const ann = await server.add("ann");
        const orders = [
          { api: "echo", reqId: 1, data: 1 },
          { api: "fail", reqId: 2 },
          { api: "echo", reqId: 3, data: 3 },
        ];
        expect((await pull(ann.login, orders)).map(({ status }) => status)).toEqual([200, 400, 424]);
        expect((await pull(ann.login, { orders, onError: "continue" })).map(({ status }) => status)).toEqual([200, 400, 200]);
        const [crash] = await pull(ann.login, [{ api: "crash", reqId: 1 }]);
        expect(crash).toMatchObject({ status: 500, error: { code: "internal", message: "internal error" } });
        const wrong = ["nothing", "/counter/none", "/data/get/x", "constructor", "__proto__"].map((api) => ({ api, reqId: 1 }));
        for (const order of wrong) expect((await pull(ann.login, [order]))[0]).toMatchObject({ status: 404 });
        for (const data of ["$9.data", "$1.data.none", { $ref: "1.constructor" }])
          expect((await pull(ann.login, [orders[0], { api: "echo", reqId: 2, data }]))[1]).toMatchObject({ status: 400 });
      });

      it("does all in one transaction, or nothing, where the database has them", async () => {
        const ann = await server.add("ann");
        const orders = [
          { api: "/counter/update", reqId: 1, data: { ping: 5 } },
          { api: "fail", reqId: 2 },
        ];
        const packets = await pull(ann.login, { orders, tx: true });
        const ping = (await server.test.call(ann.login, "/counter/get")).body["ping"] ?? 0;
        if (server.test.server.db.capabilities().transactions === "interactive") {
          expect(packets.map(({ status }) => status)).toEqual([424, 400]);
          const [done] = await pull(ann.login, { orders: [orders[0]], tx: true });
          expect(done).toMatchObject({ status: 200 });
          expect((await server.test.call(ann.login, "/counter/get")).body).toMatchObject({ ping: 5 });
        } else expect(packets.every(({ status }) => status >= 400)).toBe(true);
        expect(ping).toBe(0);
      });

      it("calls endpoints as the account may call them itself", async () => {
        const ann = await server.add("ann");
        const statuses = async (login: string | undefined, api: string, data: object): Promise<unknown> =>
          (await pull(login, [{ api, reqId: 1, data }]))[0]?.status;
        expect(await statuses(undefined, "/counter/get", {})).toBe(403);
        expect(await statuses(ann.login, "/account/add", { login: "x", secret: "y", name: "z" })).toBe(403);
        expect(await statuses(ann.login, "/account/update", { type: "admin" })).toBe(403);
        expect(await statuses(ann.login, "/counter/incr", { nothing: 1 })).toBe(400);
      });

      it("keeps packets of a channel until they are acknowledged, and sends what comes meanwhile as a stream", async () => {
        const ann = await server.add("ann");
        const [opened] = await pull(ann.login, [], "/channel");
        const [id, pass] = opened![0]!.split(" ");
        const [renewed, packet] = await pull(ann.login, [[`${id} ${pass}`], { api: "echo", reqId: 1, data: { n: 1 } }]);
        expect(packet).toMatchObject({ resId: 1, data: { n: 1 } });
        const next = renewed![0]!;
        expect(next).toMatch(new RegExp(`^${id} `));
        expect(next).not.toBe(`${id} ${pass}`);
        // The reply with the new pass may have been lost: the one before counts once more, and what was not acknowledged comes again.
        const again = await pull(ann.login, [[`${id} ${pass}`], { api: "echo", reqId: 2, data: { n: 2 } }]);
        expect(again.slice(1)).toMatchObject([
          { reqId: 2, resId: 2 },
          { reqId: 1, resId: 1 },
        ]);
        const acked = await pull(ann.login, { channel: again[0]![0], orders: [{ api: "ack", data: { resId: 1 } }], acks: [2] });
        expect(acked.length).toBe(1);
        const other = await server.add("other");
        for (const [login, channel] of [
          [other.login, acked[0]![0]!],
          [ann.login, `${id} wrong`],
          [ann.login, "none x"],
        ] as const)
          expect(await pull(login, [[channel], { api: "echo", reqId: 1 }])).toMatchObject([{ status: 403, error: { code: "denied" } }]);
        const target = `/push?channel=${encodeURIComponent(acked[0]![0]!)}`;
        const response = await streamed(server.test, ann.login, target);
        await module.send(id!, { hello: "push" });
        const text = await firstEvent(response);
        expect(text).toBe(`id: 3\ndata: ${JSON.stringify({ hello: "push", resId: 3 })}`);
        expect(await firstEvent(await streamed(server.test, ann.login, `${target}&after=2`))).toBe(text);
        expect((await streamed(server.test, other.login, target)).status).toBe(403);
      });
    },
  );

  it("takes orders with keys alone, once, and of their time", async () => {
    const secretKey = "a key that both have";
    await using test = await startServer({ tables: {}, modules: [pico({ actions, secretKey, refusalMs: 0 })] });
    const order = (more: object = {}): object => {
      const plain = { api: "echo", reqId: 1, data: { n: 1 }, date: Date.now() + Math.floor(Math.random() * 1000), ...more };
      return { key: orderKey(secretKey, { ...plain, text: JSON.stringify(plain.data) }), ...plain, ...more };
    };
    const pull = async (json: unknown): Promise<unknown> =>
      (JSON.parse((await test.call("", "/pull", { json, signed: false, headers: asJson })).text) as Packet[])[0]?.status;
    const good = order();
    expect(await pull([good])).toBe(200);
    expect(await pull([good])).toBe(401);
    expect(await pull([order({ key: undefined })])).toBe(401);
    expect(await pull([order({ date: Date.now() - 4_000_000 })])).toBe(401);
    expect(await pull([order({ date: undefined })])).toBe(401);
    expect(await pull([{ ...order(), data: { n: 2 } }])).toBe(401);
    expect(await pull([order(), { ...order(), api: "fail" }])).toBe(401);
  });

  it("tells nobody of what a failed transaction has undone, and keeps the bytes that its rows name again", async () => {
    using folder = temporaryFolder();
    const modules = [accounts(), messages(), files(), pico({ actions, refusalMs: 0 })];
    await using test = await startServer({ tables: {}, modules, home: folder.path });
    const pull = async (...apis: readonly (readonly [api: string, data: object])[]): Promise<unknown[]> => {
      const orders = apis.map(([api, data], reqId) => ({ api, reqId, data }));
      return (JSON.parse((await test.call("bob", "/pull", { json: { tx: true, orders } })).text) as Packet[]).map(({ status }) => status);
    };
    const text = async (): Promise<string> => (await test.call("bob", "/file/get?prefix=p&name=a.txt")).text;
    const told = async (): Promise<unknown> =>
      JSON.parse((await test.call("eve", "/account/subscribe?_timeout=0&_interval=0&_since=000000000000001")).text);
    const unread = async (): Promise<unknown> => (await test.call("eve", "/message/get/unread")).body["count"];
    const message = ["/message/add", { id: test.ids["eve"], msg: "hello" }] as const;
    const file = (content: string): readonly [string, object] => ["/file/put", { prefix: "p", name: "a.txt", text: content }];
    expect(await pull(file("one"))).toEqual([200]);
    expect(await unread()).toBe(0);
    expect(await pull(message, file("two"), ["/file/del", { prefix: "p", name: "a.txt" }], ["fail", {}])).toEqual([424, 424, 424, 400]);
    expect([await text(), await told(), await unread()]).toEqual(["one", [], 0]);
    expect(await pull(message, file("three"))).toEqual([200, 200]);
    expect([await text(), await told(), await unread()]).toMatchObject(["three", [{ path: "/message/add", msg: "hello" }], 1]);
    const objects = readdirSync(folder.path, { recursive: true, withFileTypes: true });
    // The bytes of the transaction that failed are removed an hour later.
    expect(objects.filter((entry) => entry.isFile()).length).toBe(2);
  });

  it("answers as a stream of lines, the time by GET, and says what it cannot read", async () => {
    await using test = await startServer({ tables: {}, modules: [pico({ actions, refusalMs: 0, delimiter: ["crlf"] })] });
    const orders = [1, 2].map((reqId) => ({ api: "echo", reqId, data: reqId }));
    const send = async (json: unknown, accept: string): Promise<{ status: number; text: string }> =>
      test.call("", "/pull", { json, signed: false, headers: { ...asJson, accept } });
    const lines = (await send(orders, "application/x-ndjson")).text.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Packet).data)).toEqual([1, 2]);
    expect((await send(orders, "*/*")).text.split('["crlf"]').length).toBe(3);
    expect(Number((await test.call("", "/pull", { signed: false })).text)).toBeGreaterThan(1_600_000_000_000);
    for (const json of [
      "text",
      1,
      null,
      {},
      { orders: 1 },
      { orders: [1] },
      { orders: [{ api: 1 }] },
      { orders: [], tx: "yes" },
      Array.from({ length: 34 }, () => ({})),
    ])
      for (const accept of ["application/json", "application/x-ndjson", "*/*"]) expect((await send(json, accept)).status).toBe(400);
  });
});

async function streamed(test: TestServer, login: string, path: string): Promise<Response> {
  const { signRequest } = await import("@bk/auth");
  const url = `http://bk.test${path}`;
  const signature = await signRequest({ method: "GET", url, login, secret: `secret of ${login}` });
  return test.server.app.fetch(new Request(url, { headers: { host: "bk.test", ...signature } }));
}

async function firstEvent(response: Response): Promise<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (!text.includes("data:")) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  return text.replace(":\n\n", "").trimEnd();
}
