// What becomes of calls when the server dies and comes back.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { openService, type Service, type ServiceOptions } from "@bk/queue";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service as Server, startService } from "../../../../test/services/index.js";
import { collector } from "../../src/testing/collector.js";
import { refused } from "../../src/testing/refused.js";
import { canRun } from "../test-pubsub.js";

const fixture = { name: "nats", env: "BK_TEST_NATS" };

describe.skipIf(!canRun(fixture) || process.env["BK_TEST_QUICK"] === "1")("driver: queue-nats", { timeout: 150_000 }, () => {
  let server: Server;
  let proxy: FaultProxy;
  let opened: Service[] = [];

  beforeAll(async () => {
    server = await startService("nats");
    proxy = await openFaultProxy(server.url);
  }, 180_000);
  afterEach(async () => {
    await proxy.mode("pass");
    proxy.cutAll();
    await Promise.all(opened.map((service) => service.close()));
    opened = [];
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  async function open(name: string, url: string, options: ServiceOptions = {}): Promise<Service> {
    const service = await openService(name, { url, drainTimeoutMs: 200, ...options });
    opened.push(service);
    return service;
  }

  it("calls are answered again after the server was killed and started; meanwhile they are refused and nothing was done", async () => {
    const [math, client] = [await open("math", server.url), await open("client", server.url, { options: { connectTimeoutMs: 300 } })];
    await math.expose({ same: (n: number) => n });
    expect(await client.request("math.same", 1)).toBe(1);
    await server.kill();
    const error = await client.request("math.same", 2, { timeoutMs: 1000 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "QueueError" });
    await refused(client.request("math.same", 3), "unavailable", "none");
    await refused(client.publish("math.same", 3), "unavailable", "none");
    await server.start();
    await expect.poll(() => client.request("math.same", 4, { timeoutMs: 1000 }).catch(() => undefined), { timeout: 50_000 }).toBe(4);
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => client.request("math.same", n, { attempts: 20 })))).toEqual(numbers);
  });

  it("a call whose answer does not come is a timeout of which nobody knows the outcome, and close ends all the same", async () => {
    const [math, client] = [await open("math", server.url), await open("client", proxy.url(server.url))];
    const got = collector();
    await math.expose({ note: (n: unknown) => got.add(n) });
    await client.request("math.note", 1);
    await proxy.mode("hang");
    await refused(client.request("math.note", 2, { timeoutMs: 200 }), "timeout", "unknown");
    const both = await Promise.allSettled([3, 4].map((n) => client.request("math.note", n, { timeoutMs: 200 })));
    for (const each of both) expect(each).toMatchObject({ status: "rejected", reason: { code: "timeout", outcome: "unknown" } });
    await got.has(4);
    expect(got.items).toEqual([1, 2, 3, 4]);
    const waiting = refused(client.request("math.note", 5), "closed", "unknown");
    await client.close();
    await waiting;
  });

  it("a user who may not publish is told so, alone and together", async () => {
    const url = server.url.replace("nats://", "nats://reader:secret@");
    const [math, reader] = [await open("math", server.url), await open("reader", url)];
    await math.expose({ same: (n: number) => n });
    const error = await refused(reader.request("math.same", 1), "denied", "none");
    expect(JSON.stringify(error.toJSON())).not.toContain("secret");
    const both = await Promise.allSettled([reader.request("math.same", 1), reader.request("math.same", 2)]);
    for (const each of both) expect(each).toMatchObject({ status: "rejected", reason: { code: "denied", outcome: "none" } });
    await refused(reader.publish("math.same", 1), "denied", "none");
  });

  it("a wrong password is told at once, and not in the error", async () => {
    const url = server.url.replace("nats://", "nats://app:wrong-password@");
    const error = await refused((await open("client", url)).request("math.same", 1), "unauthenticated", "none");
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain("wrong-password");
  });
});
