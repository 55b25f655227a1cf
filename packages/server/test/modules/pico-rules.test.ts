// Pico within the rules of modules' tables: an order sees and changes what a request of its caller would, whatever format it comes in, and nobody is
// told over a WebSocket of rows that are not theirs to read.
import { accounts, callsOf, counters, messages, pico } from "@bk/modules";
import { describe, expect, it } from "vitest";

import type { ServerOptions } from "../../src/index.js";
import { onEngines } from "./on-engines.js";
import { type Client, open } from "./socket-client.js";

type Json = Record<string, unknown>;
type Order = readonly [api: string, data: Json];

const own = { id: "$account.id" };
const moduleRules: NonNullable<ServerOptions["moduleRules"]> = {
  bk_message: { add: true, read: { label: { $ne: "held" } }, update: { label: "open" }, del: { label: "open" } },
  bk_counter: { read: own, add: own, update: own },
};
const between = JSON.stringify(["crlf"]);
const uploads = [
  "/message/get",
  "/message/get/unread",
  "/message/update",
  "/message/archive",
  "/message/del",
  "/counter/get",
  "/counter/incr",
];

/** The ways in which one order comes, as the type and text of a body. */
const ways: Readonly<Record<string, (order: Order) => readonly [type: string, body: string]>> = {
  "a list": ([api, data]) => ["application/json", JSON.stringify([{ api, reqId: 1, data }])],
  "a transaction": ([api, data]) => ["application/json", JSON.stringify({ orders: [{ api, reqId: 1, data }], tx: true })],
  references([api, data]) {
    const refs = Object.fromEntries(Object.keys(data).map((name) => [name, { $ref: `0.data.${name}` }]));
    const first = { api: "echo", reqId: 0, data };
    return ["application/json", JSON.stringify([first, { api, reqId: 1, data: refs }])];
  },
  frames: ([api, data]) => ["application/x-pico", ["", JSON.stringify({ api, reqId: 1, len: 1 }), JSON.stringify(data), ""].join(between)],
  "a form": ([api, data]) => {
    const fields = Object.entries({
      api,
      reqId: 1,
      ...Object.fromEntries(Object.entries(data).map(([name, value]) => [`data/${name}`, value])),
    });
    const parts = fields.map(([name, value]) => `--edge\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${String(value)}\r\n`);
    return ["multipart/form-data; boundary=edge", `${parts.join("")}--edge--\r\n`];
  },
};

describe("pico within rules", () => {
  onEngines(
    () => [
      accounts({ subscribe: { intervalMs: 0 } }),
      counters(),
      messages({ columns: { label: {} } }),
      pico({ refusalMs: 0, delimiter: ["crlf"], uploads, actions: { echo: (data) => data } }),
    ],
    (server) => {
      async function ask(login: string, way: string, order: Order): Promise<Json> {
        const [type, body] = ways[way]!(order);
        const headers = { "content-type": type, accept: "application/json" };
        const reply = await server.test.call(login, "/pull", { method: "POST", body, contentType: type, headers });
        expect(reply.status).toBe(200);
        return (JSON.parse(reply.text) as Json[]).find(({ reqId }) => reqId === 1)!;
      }
      const waysHere = (): string[] => {
        const isInteractive = server.test.server.db.capabilities().transactions === "interactive";
        return Object.keys(ways).filter((way) => isInteractive || way !== "a transaction");
      };
      const send = async (from: string, to: string, label: string): Promise<void> =>
        expect((await server.test.call(from, "/message/add", { json: { id: to, msg: `a ${label} one`, label } })).status).toBe(200);

      it("shows what a request shows, and changes nothing that is hidden", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        for (const label of ["open", "held", "shut"]) await send(ann.login, ben.id, label);
        await server.test.call(ann.login, "/counter/put", { json: { ping: 3 } });
        const db = callsOf(server.test.server.db);
        const rows = async (): Promise<unknown> => [
          (await db.select("bk_message", { id: ben.id }, { sort: "mtime" })).rows,
          await db.get("bk_counter", { id: ann.id }),
        ];
        const before = await rows();
        const { mtime } = (await db.select("bk_message", { id: ben.id, label: "held" }, { scan: true })).rows[0]!;
        const held = { sender: ann.id, mtime };
        const orders: readonly Order[] = [
          ["/message/get", {}],
          ["/message/get", { _total: true }],
          ["/message/get", { label: "held" }],
          ["/message/get", held],
          ["/message/get/unread", {}],
          ["/counter/get", { id: ann.id }],
          ["/message/update", { ...held, label: "open" }],
          ["/message/archive", held],
          ["/message/del", held],
          ["/counter/incr", { id: ann.id, ping: 1 }],
        ];
        for (const order of orders) {
          const [api, data] = order;
          const direct = await server.test.call(ben.login, api, { json: data });
          for (const way of waysHere()) {
            const { status, data: shown = {} } = await ask(ben.login, way, order);
            expect({ way, order, status, shown }).toEqual({
              way,
              order,
              status: direct.status,
              shown: direct.status === 200 ? direct.body : {},
            });
            expect(JSON.stringify(shown)).not.toContain("a held one");
          }
        }
        expect(await rows()).toEqual(before);
        // There is something to be seen and changed by the same orders.
        expect((await ask(ben.login, "frames", ["/message/get", {}]))["data"]).toMatchObject({
          data: [{ label: "open" }, { label: "shut" }],
        });
        expect((await ask(ann.login, "a form", ["/counter/incr", { id: ann.id, ping: 1 }]))["status"]).toBe(200);
        expect(await rows()).not.toEqual(before);
      });

      it("tells nobody over a WebSocket of what is hidden from them, whoever made it and how", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const url = await listening();
        const session = await fetch(`${url}/login`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ login: ben.login, secret: `secret of ${ben.login}`, _session: 1 }),
        });
        const headers = { cookie: session.headers.get("set-cookie")!.split(";")[0]! };
        const client: Client = await open(`${url}/account/subscribe`, { headers, origin: url });
        expect(client.status).toBe(101);
        for (const way of waysHere().filter((name) => name !== "a form"))
          for (const label of ["held", "open"])
            expect(await ask(ann.login, way, ["/message/add", { id: [ben.id], msg: `a ${label} one by ${way}`, label }])).toMatchObject({
              status: 200,
            });
        for (const way of waysHere().filter((name) => name !== "a form")) await client.find(({ msg }) => msg === `a open one by ${way}`);
        // Orders come over the socket as well.
        const body = [
          { api: "/message/get", reqId: 1, data: {} },
          { api: "/message/get", reqId: 2, data: { _total: true } },
        ];
        const reply = await client.ask({ path: "/pull", body });
        const number = waysHere().length - 1;
        expect(reply).toMatchObject({ status: 200, body: [{ status: 200, data: { count: number } }, { data: { count: number } }] });
        expect(client.messages.filter((text) => text.includes("a open one by")).length).toBe(number + 1);
        expect(client.messages.filter((text) => text.includes("a held one"))).toEqual([]);
        client.socket.close();
        await client.closed;
      });

      let url: string | undefined;
      const listening = async (): Promise<string> => (url ??= (await server.test.server.listen({ port: 0 })).url);
    },
    { moduleRules },
  );
});
