import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";

import { accounts, counters } from "@bk/modules";
import { openPubSub } from "@bk/queue";
import { describe, expect, it, vi } from "vitest";

import { signRequest } from "@bk/auth";
import { createServer } from "../../src/index.js";
import { masterKey, startServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

interface Event {
  readonly path: string;
  readonly type: string;
  readonly id: string;
  readonly event_id: string;
}

/** Reads a stream of events until `count` have come. */
async function readStream(response: Response, count: number): Promise<{ readonly ids: string[]; readonly events: Event[] }> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  const found = (): string[] =>
    text
      .split("\n\n")
      .slice(0, -1)
      .filter((part) => part.startsWith("id: "));
  while (found().length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  const parts = found().map((part) => /^id: (\S+)\ndata: (.*)$/.exec(part)!);
  return { ids: parts.map((part) => part[1]!), events: parts.map((part) => JSON.parse(part[2]!) as Event) };
}

const eventsIn = (text: string): Event[] => JSON.parse(text) as Event[];

describe("events of accounts", () => {
  onEngines(
    () => [
      accounts({ subscribe: { mostOfAccount: 3, mostEvents: 4 } }),
      counters({ columns: { wave: { pub: true } }, pingsPerMinute: 1000 }),
    ],
    (server) => {
      const stream = async (login: string, more: Record<string, string> = {}): Promise<Response> => {
        const url = "http://bk.test/account/subscribe";
        const headers = await signRequest({ method: "GET", url, login, secret: `secret of ${login}` });
        return server.test.server.app.fetch(
          new Request(url, { headers: { host: "bk.test", accept: "text/event-stream", ...headers, ...more } }),
        );
      };
      const wave = (login: string, id: string, counter = "ping"): Promise<{ readonly status: number }> =>
        server.test.call(login, "/counter/incr", { json: { id, [counter]: 1 } });

      it("come to a request that waits, gathered, and to no other account", async () => {
        const [ann, ben, cat] = [await server.add("ann"), await server.add("ben"), await server.add("cat")];
        const { call } = server.test;
        const early = await wave(ben.login, ann.id);
        expect(early.status).toBe(200);
        // What was before is replied with `_since` alone; the first id of all is before everything.
        const waiting = call(ann.login, "/account/subscribe?_interval=0&_timeout=20000&_since=000000000000001");
        const [first] = eventsIn((await waiting).text);
        expect(first).toMatchObject({ path: "/counter/incr", type: "ping", id: ben.id });
        const next = call(ann.login, `/account/subscribe?_interval=0&_timeout=20000&match=type:wave&_since=${first!.event_id}`);
        await wave(cat.login, ann.id);
        await wave(cat.login, ann.id, "wave");
        const [second, ...others] = eventsIn((await next).text);
        expect(second).toMatchObject({ type: "wave", id: cat.id });
        expect(others).toEqual([]);
        expect(eventsIn((await call(ben.login, "/account/subscribe?_timeout=0&_since=000000000000001")).text)).toEqual([]);
      });

      it("are not more than a reply may have, and none is an empty list", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        for (let i = 0; i < 6; i++) await wave(ben.login, ann.id);
        const reply = eventsIn((await server.test.call(ann.login, "/account/subscribe?_interval=60000&_since=000000000000001")).text);
        expect(reply.length).toBe(4);
        expect(reply.map(({ event_id }) => event_id)).toEqual(reply.map(({ event_id }) => event_id).sort());
        expect((await server.test.call(ann.login, "/account/subscribe?_timeout=0")).text).toBe("[]");
      });

      it("come as a stream, which goes on where another one broke off", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const response = await stream(ann.login);
        expect(response.headers.get("content-type")).toBe("text/event-stream");
        await wave(ben.login, ann.id);
        await wave(ben.login, ann.id, "wave");
        const before = await readStream(response, 2);
        expect(before.events.map(({ type }) => type)).toEqual(["ping", "wave"]);
        await wave(ben.login, ann.id, "wave");
        const after = await readStream(await stream(ann.login, { "last-event-id": before.ids[1]! }), 2);
        // Those of the two seconds before come again, but for the one that was named.
        expect(after.ids).not.toContain(before.ids[1]);
        expect(after.events.at(-1)).toMatchObject({ type: "wave", id: ben.id });
        expect(new Set([...before.ids, ...after.ids]).size).toBe(3);
      });

      it("are waited for a few times at once by an account, by nobody without one, and for what can be read", async () => {
        const ann = await server.add("ann");
        const open = [await stream(ann.login), await stream(ann.login), await stream(ann.login)];
        expect((await stream(ann.login)).status).toBe(429);
        await open[0]!.body!.cancel();
        const again = await stream(ann.login);
        expect(again.status).toBe(200);
        for (const each of [again, open[1]!, open[2]!]) await each.body!.cancel();
        expect((await server.test.call(ann.login, "/account/subscribe", { signed: false })).status).toBe(401);
        for (const query of ["match=(a%2B)%2B", "match=path.*", "_since=no", "_timeout=-1"])
          expect((await server.test.call(ann.login, `/account/subscribe?${query}`)).status).toBe(400);
        expect((await server.test.call(ann.login, "/account/subscribe?_timeout=0&match=%2Fmessage.*type:*like")).text).toBe("[]");
      });
    },
  );

  it("reach listeners on another server, and those that wait when a server stops get their answer", async () => {
    const bus = await openPubSub("local:");
    const subscribed = vi.spyOn(bus, "subscribe");
    const modules = (): ReturnType<typeof accounts>[] => [accounts(), counters()];
    const first = await startServer({ tables: {}, modules: modules(), bus });
    const second = await createServer({ db: first.server.db, modules: modules(), bus, masterKey });
    const ask = async (path: string, base = "http://bk.test", more: Record<string, string> = {}, login = "eve"): Promise<Request> => {
      const url = `${base}${path}`;
      const signature = await signRequest({ method: "GET", url, login, secret: `secret of ${login}` });
      return new Request(url, { headers: { ...(base === "http://bk.test" ? { host: "bk.test" } : {}), ...signature, ...more } });
    };
    const poll = async (path: string): Promise<Event[]> => eventsIn(await (await second.app.fetch(await ask(path))).text());
    try {
      const waiting = poll("/account/subscribe?_interval=0");
      await expect
        .poll(
          async () => {
            await first.call("bob", "/counter/incr", { json: { id: first.ids["eve"], ping: 1 } });
            return Promise.race([waiting.then(([event]) => event?.id), new Promise((resolve) => setTimeout(resolve, 20))]);
          },
          { timeout: 20_000 },
        )
        .toBe(first.ids["bob"]);
      const { url } = await second.listen({ port: 0 });
      const onSocket = await fetch(await ask("/account/subscribe", url, { accept: "text/event-stream" }));
      expect(onSocket.status).toBe(200);
      const last = ask("/account/subscribe", undefined, {}, "bob").then(async (request) => (await second.app.fetch(request)).text());
      await expect.poll(() => subscribed.mock.calls.map(([channel]) => channel)).toContain(`bk.account.${first.ids["bob"]}`);
      await second.close();
      expect(await last).toBe("[]");
      expect(await onSocket.text()).toBe(":\n\n");
    } finally {
      await second.close();
      await first.server.close();
      await bus.close();
    }
  });

  it("are not held without end for a client that does not read: its stream is cut off", async () => {
    const bus = await openPubSub("local:");
    const on = await startServer({ modules: [accounts()], bus, limits: { maxSocketUnreadBytes: 10_000 } });
    try {
      const { url } = await on.server.listen({ port: 0 });
      const target = `${url}/account/subscribe`;
      const signature = await signRequest({ method: "GET", url: target, login: "eve", secret: "secret of eve" });
      const asked = get(target, { headers: { ...signature, accept: "text/event-stream" } });
      const [reply] = (await once(asked, "response")) as [IncomingMessage];
      const more = "x".repeat(20_000);
      for (let i = 0; i < 3000; i++) await bus.publish(`bk.account.${on.ids["eve"]}`, { path: "/x", mtime: i, event_id: String(i), more });
      let text = "";
      await expect(
        (async () => {
          for await (const part of reply) text += (part as Buffer).toString();
        })(),
      ).rejects.toThrow("aborted");
      const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
      expect(ids.length).toBeLessThan(3000);
      // In order, with nothing left out in between.
      expect(ids).toEqual(ids.map((_, i) => i));
    } finally {
      await on.server.close();
      await bus.close();
    }
  });

  it("begin no stream where the headers alone are asked for", async () => {
    const on = await startServer({ modules: [accounts({ subscribe: { mostOfAccount: 1 } })] });
    try {
      const { url } = await on.server.listen({ port: 0 });
      for (let i = 0; i < 3; i++) {
        const target = `${url}/account/subscribe`;
        const signature = await signRequest({ method: "HEAD", url: target, login: "eve", secret: "secret of eve" });
        const reply = await fetch(target, { method: "HEAD", headers: { ...signature, accept: "text/event-stream" } });
        expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      }
    } finally {
      await on.server.close();
    }
  });
});
