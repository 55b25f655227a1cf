// What goes wrong in calls of services, and what the caller learns.

import { expect, it } from "vitest";

import { QueueError } from "../errors.js";
import { collector, gate } from "./collector.js";
import { refused } from "./refused.js";
import type { ServiceContext } from "./service-context.js";

export function serviceErrors({ open, fresh }: ServiceContext): void {
  it("gives the caller what a handler threw: its text, status and code, and no more", async () => {
    const name = fresh();
    const told = collector<unknown>();
    const server = await open(name, { onError: (error) => told.add(error) });
    const client = await open(fresh());
    const secret = Object.assign(new Error("not good"), { password: "secret", status: 418, code: "TEAPOT", cause: new Error("secret") });
    await server.expose({
      sync: () => {
        throw new Error("thrown");
      },
      text: () => Promise.reject("something bad happened"),
      object: () => Promise.reject({ message: "not good" }),
      ours: () => {
        throw new QueueError("condition-failed", "not now", { outcome: "none", detail: { at: 1 } });
      },
      extra: () => Promise.reject(secret),
      nothing: () => Promise.reject(undefined),
      circle: () => {
        const circle: { self?: unknown } = {};
        circle.self = circle;
        return Promise.reject(circle);
      },
      date: () => new Date(),
      "not-a-promise": () => ({ catch: 1 }),
    });
    const failing = async (method: string): Promise<object> => {
      // Alone, and together with another.
      const alone = await client.request(`${name}.${method}`).catch((error: unknown) => error);
      const [together] = await Promise.allSettled([client.request(`${name}.${method}`), client.request(`${name}.not-a-promise`)]);
      expect(together).toMatchObject({ status: "rejected", reason: (alone as QueueError).toJSON() });
      expect(JSON.stringify((alone as QueueError).toJSON())).not.toContain("secret");
      return alone as object;
    };
    expect(await failing("sync")).toMatchObject({
      code: "internal",
      outcome: "unknown",
      message: "thrown",
      detail: { remote: true, status: 500 },
    });
    expect(await failing("text")).toMatchObject({ code: "internal", message: "something bad happened" });
    expect(await failing("object")).toMatchObject({ code: "internal", message: '{"message":"not good"}' });
    expect(await failing("ours")).toMatchObject({
      code: "condition-failed",
      outcome: "none",
      message: "not now",
      detail: { status: 409, data: { at: 1 } },
    });
    expect(await failing("extra")).toMatchObject({ code: "internal", message: "not good", detail: { status: 418, code: "TEAPOT" } });
    expect(await failing("nothing")).toMatchObject({ code: "internal" });
    expect(await failing("circle")).toMatchObject({ code: "internal" });
    expect(await failing("date")).toMatchObject({ code: "internal", outcome: "done" });
    expect(await client.request(`${name}.not-a-promise`)).toEqual({ catch: 1 });
    expect(told.items).toHaveLength(16);
  });

  it("a method that is not there is not found, and what objects inherit is no method", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    class Methods {
      own = (): number => 1;
      inherited(): number {
        return 2;
      }
    }
    const methods = new Methods();
    await server.expose(Object.assign(Object.create({ proto: () => 3 }) as Record<string, () => number>, { own: methods.own }));
    expect(await client.request(`${name}.own`)).toBe(1);
    for (const method of ["missing", "inherited", "proto", "constructor", "__proto__", "toString", "hasOwnProperty"]) {
      const error = await refused(client.request(`${name}.${method}`), "not-found", "none");
      expect(error.message).toBe(`Method not found "${method}"`);
      const [one] = await Promise.allSettled([client.request(`${name}.${method}`), client.request(`${name}.own`)]);
      expect(one).toMatchObject({ status: "rejected", reason: { code: "not-found", outcome: "none" } });
    }
  });

  it("what a published message's handler throws is reported, and nothing else happens", async () => {
    const name = fresh();
    const told = collector<unknown>();
    const server = await open(name, { onError: (error) => told.add(error) });
    const logged: string[] = [];
    const drop = (): void => undefined;
    const quiet = await open(`${name}q`, { log: { debug: drop, info: drop, warn: drop, error: (text) => logged.push(text) } });
    const client = await open(fresh());
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    await server.expose({
      rejects: () => Promise.reject(new Error("later")),
      throws: () => {
        throw new Error("now");
      },
    });
    await quiet.expose({ rejects: () => Promise.reject(new Error("later")) });
    await client.publish(`${name}.rejects`);
    await client.publish(`${name}.throws`);
    await client.publish(`${name}q.rejects`);
    await client.publish(`${name}.missing`);
    await told.has(2);
    await expect.poll(() => logged).toHaveLength(1);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
    expect(told.items.map((error) => (error as Error).message).toSorted()).toEqual(["later", "now"]);
  });

  it("nobody listening is unavailable at once, and tried again if told so", async () => {
    const name = fresh();
    const client = await open(fresh(), { timeoutMs: 60_000 });
    await refused(client.request(`${name}.add`, 1), "unavailable", "none");
    const both = await Promise.allSettled([client.request(`${name}.add`, 1), client.request(`${name}.add`, 2)]);
    for (const each of both) expect(each).toMatchObject({ status: "rejected", reason: { code: "unavailable", outcome: "none" } });
    const patient = client.request(`${name}.add`, 1, { attempts: 1000 });
    const server = await open(name);
    await server.expose({ add: (n: number) => n + 1 });
    expect(await patient).toBe(2);
  });

  it("a call without an answer times out, with its own time or the service's", async () => {
    const name = fresh();
    const server = await open(name, { drainTimeoutMs: 1 });
    const client = await open(fresh(), { timeoutMs: 50 });
    await server.expose({ never: () => new Promise(() => undefined), ok: () => 1 });
    // The connection is made.
    await client.request(`${name}.ok`, 1, { timeoutMs: 20_000 });
    const error = await refused(client.request(`${name}.never`), "timeout", "unknown");
    expect(error.message).toContain("timed out after 50 ms");
    await refused(client.request(`${name}.never`, 1, { timeoutMs: 20 }), "timeout", "unknown");
    const some = await Promise.allSettled([
      client.request(`${name}.never`),
      client.request(`${name}.ok`, 1, { timeoutMs: 20_000 }),
      client.request(`${name}.never`, 1, { timeoutMs: 10 }),
    ]);
    expect(some.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
  });

  it("a signal ends a call, before it is sent and later; many calls on one signal are no leak", async () => {
    const name = fresh();
    const server = await open(name, { drainTimeoutMs: 1 });
    const client = await open(fresh());
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const begun = collector();
    await server.expose({ never: (n: unknown) => new Promise(() => begun.add(n)) });
    await refused(client.request(`${name}.never`, 1, { signal: AbortSignal.abort() }), "cancelled", "none");
    const controller = new AbortController();
    const calls = Array.from({ length: 30 }, (_, n) => client.request(`${name}.never`, n, { signal: controller.signal }));
    await begun.has(30);
    const unsent = client.request(`${name}.never`, 99, { signal: controller.signal });
    controller.abort(new Error("enough"));
    for (const call of calls) await refused(call, "cancelled", "unknown");
    await refused(unsent, "cancelled", "none");
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  it("too many calls at once are refused, and the others wait their turn", async () => {
    const name = fresh();
    const [server, client] = [await open(name, { concurrency: 2, maxWaiting: 3 }), await open(fresh())];
    const blocked = gate();
    let [running, most] = [0, 0];
    await server.expose({
      slow: async (n: number) => {
        most = Math.max(most, ++running);
        await blocked.promise;
        running--;
        return n;
      },
    });
    const calls = Array.from({ length: 8 }, (_, n) => client.request(`${name}.slow`, n));
    const results = Promise.allSettled(calls);
    await Promise.allSettled(calls.slice(5));
    blocked.open();
    const settled = await results;
    expect(settled.map(({ status }) => status).filter((status) => status === "fulfilled")).toHaveLength(5);
    for (const each of settled) if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "limited", outcome: "none" });
    expect(most).toBe(2);
  });
}
