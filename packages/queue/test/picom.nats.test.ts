// Peers of the published picom and ours call each other, over NATS.

import { createRequire } from "node:module";
import { afterAll, describe, expect, it } from "vitest";

import { openService, type QueueError, type Service } from "@bk/queue";
import { collector } from "../src/testing/collector.js";
import { refused } from "../src/testing/refused.js";
import { canRun } from "./test-pubsub.js";
import type { Picom as PicomClass } from "./picom/picom.js";

const fixture = { name: "nats", env: "BK_TEST_NATS" };
const Picom = createRequire(import.meta.url)("./picom/picom.cjs") as typeof PicomClass;

describe.skipIf(!canRun(fixture))("driver: queue-nats", () => {
  const url = process.env["BK_TEST_NATS"]!;
  const picoms: PicomClass[] = [];
  const ours: Service[] = [];
  let count = 0;
  const fresh = (): string => `p${process.pid}${Date.now().toString(36)}${++count}`;
  /** A connected peer. */
  async function picom(name: string, methods?: Parameters<PicomClass["expose"]>[0], errors: unknown[] = []): Promise<PicomClass> {
    const peer = new Picom(name, { servers: [url] });
    picoms.push(peer);
    peer.on("error", (error) => errors.push(error));
    peer.connect();
    if (methods !== undefined) peer.expose(methods);
    await new Promise<void>((resolve) => peer.nats.flush(resolve));
    return peer;
  }
  async function service(name: string): Promise<Service> {
    const opened = await openService(name, { servers: [url], drainTimeoutMs: 100 });
    ours.push(opened);
    return opened;
  }
  afterAll(async () => {
    for (const peer of picoms) peer.close();
    await Promise.all(ours.map((each) => each.close()));
  });

  it("picom calls us", async () => {
    const name = fresh();
    const got = collector();
    await (
      await service(name)
    ).expose({
      add: async ({ a, b }: { a: number; b: number }) => a + b,
      "method-1": () => ({ hello: "method-1" }),
      same: (message: unknown) => message,
      "throws-a-string": () => Promise.reject("Something is not right"),
      "throws-an-object": () => Promise.reject({ message: "not good" }),
      throws: () => {
        throw new Error("at once");
      },
      "queue-method": (message: unknown) => got.add(message),
      "never-reply": () => new Promise(() => undefined),
    });
    const peer = await picom(fresh());
    expect(await peer.request(`${name}.add`, { a: 2, b: 5 })).toBe(7);
    expect(await peer.request(`${name}.method-1`)).toEqual({ hello: "method-1" });
    expect(await peer.request(`${name}.same`)).toBeUndefined();
    // What picom's own handlers take for broken.
    for (const value of [0, "", false, null, "text", [1]]) expect(await peer.request(`${name}.same`, value)).toEqual(value);
    expect(await Promise.all(Array.from({ length: 200 }, (_, n) => peer.request(`${name}.same`, n)))).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    );
    const texts = {
      "throws-a-string": "Something is not right",
      "throws-an-object": '{"message":"not good"}',
      throws: "at once",
      missing: 'Method not found "missing"',
    };
    for (const [method, text] of Object.entries(texts)) await expect(peer.request(`${name}.${method}`)).rejects.toThrow(new Error(text));
    await expect(peer.request(`${name}.constructor`)).rejects.toThrow('Method not found "constructor"');
    await expect(peer.request(`${name}.never-reply`, {}, { timeout: 50 })).rejects.toThrow(`Request ${name}.never-reply timed out`);
    await peer.publish(`${name}.queue-method`, { msg: "hello" });
    await peer.publish(`${name}.queue-method`);
    await got.has(2);
    expect(got.items).toEqual([{ msg: "hello" }, undefined]);
  });

  it("we call picom, one call at a time and many at once", async () => {
    const name = fresh();
    const [got, errors] = [collector(), [] as unknown[]];
    await picom(
      name,
      {
        add: async (message) => (message as { a: number; b: number }).a + (message as { b: number }).b,
        same: async (message) => message,
        nothing: async () => undefined,
        rejects: () => Promise.reject(Object.assign(new Error("bad"), { hint: 1 })),
        "throws-a-string": () => Promise.reject("Something is not right"),
        "queue-method": (message) => got.add(message),
      },
      errors,
    );
    const client = await service(fresh());
    expect(await client.request(`${name}.add`, { a: 2, b: 5 })).toBe(7);
    expect(await client.request(`${name}.nothing`)).toBeUndefined();
    // It makes null of no message.
    expect(await client.request(`${name}.same`)).toBeNull();
    const numbers = Array.from({ length: 300 }, (_, n) => n + 1);
    for (let round = 0; round < 2; round++)
      expect(await Promise.all(numbers.map((n) => client.request(`${name}.same`, n)))).toEqual(numbers);
    expect(await refused(client.request(`${name}.rejects`), "internal", "unknown")).toMatchObject({
      message: 'bad {"hint":1}',
      detail: { remote: true },
    });
    expect(await refused(client.request(`${name}.throws-a-string`), "internal")).toMatchObject({ message: "Something is not right" });
    await refused(client.request(`${name}.missing`), "not-found", "none");
    // It takes what is false in JavaScript for broken.
    await refused(client.request(`${name}.same`, 0), "invalid", "none");
    const failed = await Promise.allSettled([client.request(`${name}.missing`), client.request(`${name}.same`, 5)]);
    expect(failed.map((each) => (each.status === "fulfilled" ? each.value : (each.reason as QueueError).code))).toEqual(["not-found", 5]);
    await client.publish(`${name}.queue-method`, { msg: "hello" });
    await got.has(1);
    expect(got.items).toEqual([{ msg: "hello" }]);
    expect(errors.length).toBe(2);
  });

  it("instances of both kinds serve one name", async () => {
    const name = fresh();
    await picom(name, { who: async () => "picom" });
    await (await service(name)).expose({ who: () => "ours" });
    const client = await service(fresh());
    const peer = await picom(fresh());
    const answers: unknown[] = [];
    for (let n = 0; n < 60; n++) answers.push(await client.request(`${name}.who`), await peer.request(`${name}.who`));
    expect(new Set(answers)).toEqual(new Set(["picom", "ours"]));
    const together = await Promise.all(Array.from({ length: 60 }, () => client.request(`${name}.who`)));
    for (const answer of together) expect(["picom", "ours"]).toContain(answer);
  });

  it("a peer that is closed is no longer called", async () => {
    const name = fresh();
    const server = await service(name);
    await server.expose({ add: () => 1 });
    const peer = await picom(fresh());
    expect(await peer.request(`${name}.add`)).toBe(1);
    await server.close();
    await expect(peer.request(`${name}.add`, {}, { timeout: 50 })).rejects.toThrow("timed out");
    peer.close();
    await refused((await service(fresh())).request(`${name}.add`), "unavailable", "none");
  });
});
