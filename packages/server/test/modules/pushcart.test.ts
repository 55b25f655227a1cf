import { callsOf, pushcart } from "@bk/modules";
import { pushcartService, type PushcartService } from "@bk/modules/pushcart";
import { openPubSub, type PubSub } from "@bk/queue";
import { silentLog, systemClock } from "@bk/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { onEngines } from "./on-engines.js";

const authToken = "a token that registers";
let bus: PubSub;

describe("the module pushcart", () => {
  beforeAll(async () => {
    bus = await openPubSub("local:");
  });
  afterAll(() => bus.close());

  onEngines(
    () => [pushcart({ authToken })],
    (server) => {
      const service = (): PushcartService =>
        pushcartService({ db: callsOf(server.test.server.db), bus, clock: systemClock, log: silentLog, authToken });
      const send = async (path: string, headers: Record<string, string>, body?: unknown): Promise<{ status: number; body: unknown }> => {
        const reply = await server.test.server.app.fetch(
          new Request(`http://bk.test${path}`, {
            headers: { host: "bk.test", "content-type": "application/json", ...headers },
            ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
          }),
        );
        return { status: reply.status, body: await reply.json() };
      };
      const read = async (token: string, query = ""): Promise<Record<string, unknown>[]> =>
        (await send(`/messages${query}`, { "x-client-token": token })).body as Record<string, unknown>[];

      it("takes the requests of the original description, and answers as it says", async () => {
        const app = await service().addApp("My App");
        expect(app).toEqual({ _id: expect.stringMatching(/^[0-9a-f]{24}$/), token: expect.stringMatching(/^[0-9a-f]{32}$/) });
        const posted = await send("/messages", { "x-app-token": app.token }, { hello: "world" });
        const message = { _id: expect.stringMatching(/^[0-9a-f]{24}$/), hello: "world", app: { _id: app._id, name: "My App" } };
        expect(posted).toEqual({ status: 201, body: message });
        const client = await send("/clients", { "x-auth-token": authToken }, { type: "test" });
        expect(client).toEqual({
          status: 201,
          body: { _id: expect.stringMatching(/^[0-9a-f]{24}$/), type: "test", token: expect.stringMatching(/^[0-9a-f]{32}$/) },
        });
        const { token } = client.body as { token: string };
        const all = await read(token);
        expect(all.at(-1)).toEqual(posted.body);
        const later = await send("/messages", { "x-app-token": app.token }, { n: 2 });
        expect(await read(token, `?since=${(posted.body as { _id: string })._id}`)).toEqual([later.body]);
        expect(await read(token, `?since=${(later.body as { _id: string })._id}`)).toEqual([]);
        expect((await read(token, "?limit=1")).length).toBe(1);
      });

      it("keeps the order of what many send at once through two servers, and loses none", async () => {
        const app = await service().addApp("Many");
        const { token } = await service().addClient("reader");
        const [before] = (await read(token, "?limit=1000")).slice(-1);
        const since = (before?.["_id"] as string | undefined) ?? "0".repeat(24);
        const servers = [service(), service()];
        const seen: number[] = [];
        let last = since;
        let isOver = false;
        const reading = (async () => {
          // Whoever reads while others write misses nothing.
          for (;;) {
            const isLast = isOver;
            const page = await servers[0]!.read(token, last, 7);
            for (const { _id, n } of page) {
              expect(_id > last).toBe(true);
              last = _id;
              seen.push(n as number);
            }
            if (isLast && page.length === 0) return;
            // Reads of memory take no turn of the loop, which writes need.
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
        try {
          await Promise.all(Array.from({ length: 60 }, (_, n) => servers[n % 2]!.post(app.token, { n })));
        } finally {
          isOver = true;
          await reading;
        }
        expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n));
      });

      it("refuses tokens that are none, of the other kind, and bodies that are no messages", async () => {
        const app = await service().addApp("App");
        const client = await service().addClient("reader", { extra: "info" });
        for (const token of ["", "x", client.token, "0".repeat(32)])
          expect((await send("/messages", { "x-app-token": token }, { a: 1 })).status).toBe(401);
        for (const token of ["", "x", app.token, "0".repeat(32)])
          expect((await send("/messages", { "x-client-token": token })).status).toBe(401);
        for (const token of ["", "x", app.token])
          expect((await send("/clients", { "x-auth-token": token }, { type: "t" })).status).toBe(401);
        for (const body of [[], "text", 1, null, { _id: "1" }, { app: {} }])
          expect((await send("/messages", { "x-app-token": app.token }, body)).status).toBe(400);
        expect((await send("/messages", { "x-app-token": app.token }, { text: "x".repeat(70_000) })).status).toBe(413);
        for (const query of ["?since=1", "?since=zz", "?limit=0", "?limit=1001", "?other=1"])
          expect((await send(`/messages${query}`, { "x-client-token": client.token })).status).toBe(400);
        expect((await send("/clients", { "x-auth-token": authToken }, { info: 1 })).status).toBe(400);
        expect(await read(client.token, `?since=${"f".repeat(24)}`)).toEqual([]);
      });

      it("publishes each message, as clients get it", async () => {
        const app = await service().addApp("App");
        const heard: unknown[] = [];
        const subscription = await bus.subscribe("pushcart:messages", (message) => void heard.push(message));
        const message = await service().post(app.token, { hello: "bus" });
        await expect.poll(() => heard).toEqual([message]);
        await subscription.close();
      });
    },
  );
});
