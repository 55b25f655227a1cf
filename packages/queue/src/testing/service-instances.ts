// Instances of a service: how they share calls, come and go, and are found.

import { expect, it } from "vitest";

import { collector, gate } from "./collector.js";
import { refused } from "./refused.js";
import type { ServiceContext } from "./service-context.js";

export function serviceInstances({ open, fresh }: ServiceContext): void {
  it("instances share the calls, each of which one of them gets", async () => {
    const name = fresh();
    const client = await open(fresh());
    const counts = [0, 0, 0];
    for (let at = 0; at < 3; at++) {
      const server = await open(name);
      await server.expose({
        who: () => {
          counts[at]!++;
          return at;
        },
      });
    }
    for (let n = 0; n < 120; n++) await client.request(`${name}.who`);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(120);
    for (const count of counts) expect(count).toBeGreaterThan(0);
  });

  it("methods are added and withdrawn; without any an instance is not found", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    const methods: Record<string, () => number> = { one: () => 1 };
    await server.expose(methods);
    methods["two"] = () => 2;
    await refused(client.request(`${name}.two`), "not-found");
    await server.expose({ two: () => 2 });
    expect(await Promise.all([client.request(`${name}.one`), client.request(`${name}.two`)])).toEqual([1, 2]);
    await server.unexpose("one");
    await refused(client.request(`${name}.one`), "not-found");
    await server.unexpose();
    await refused(client.request(`${name}.two`), "unavailable", "none");
    await server.expose({ one: () => 11 });
    expect(await client.request(`${name}.one`)).toBe(11);
  });

  it("an instance that closes finishes its calls, and callers find the others", async () => {
    const name = fresh();
    const [leaving, client] = [await open(name), await open(fresh())];
    const [blocked, begun] = [gate(), collector()];
    await leaving.expose({
      work: async (n: number) => {
        begun.add(n);
        await blocked.promise;
        return `leaving ${n}`;
      },
    });
    const calls = Array.from({ length: 50 }, (_, n) => client.request(`${name}.work`, n));
    await begun.has(50);
    const closed = [leaving.close(), leaving.close()];
    await refused(leaving.request(`${name}.work`), "closed", "none");
    await refused(leaving.expose({ more: () => 1 }), "closed", "none");
    await refused(leaving.publish(`${name}.work`), "closed", "none");
    blocked.open();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, n) => `leaving ${n}`));
    await Promise.all(closed);
    await refused(client.request(`${name}.work`, 1), "unavailable", "none");
    const next = await open(name);
    await next.expose({ work: (n: number) => `next ${n}` });
    expect(await client.request(`${name}.work`, 1)).toBe("next 1");
  });

  it("no call is lost while instances come and go", async () => {
    const name = fresh();
    const client = await open(fresh());
    const first = await open(name);
    await first.expose({ same: (n: number) => n });
    let last = first;
    let n = 0;
    for (let round = 0; round < 5; round++) {
      const next = await open(name);
      await next.expose({ same: (m: number) => m });
      const closing = last.close();
      const wanted = Array.from({ length: 40 }, () => n++);
      expect(await Promise.all(wanted.map((each) => client.request(`${name}.same`, each)))).toEqual(wanted);
      await closing;
      last = next;
    }
  });

  it("close ends within its time although a handler does not, and tells it", async () => {
    const name = fresh();
    const [server, client] = [await open(name, { drainTimeoutMs: 30 }), await open(fresh(), { drainTimeoutMs: 30 })];
    const [begun, aborted] = [collector(), collector()];
    await server.expose({
      never: (_message: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => aborted.add(signal.reason));
          begun.add(1);
        }),
    });
    const call = client.request(`${name}.never`);
    const failed = call.catch((error: unknown) => error);
    await begun.has(1);
    await server.close();
    await aborted.has(1);
    await client.close();
    // An engine that sees the instance leave says so at once.
    expect(await failed).toMatchObject({ code: expect.stringMatching(/^(closed|unavailable)$/) as string, outcome: "unknown" });
  });

  it("is found, with its methods and what it has done", async () => {
    const name = fresh();
    const [one, two, client] = [await open(name, { version: "1.2.3" }), await open(name), await open(fresh())];
    for (const server of [one, two]) await server.expose({ add: () => 1, fail: () => Promise.reject(new Error("secret")) });
    await client.request(`${name}.add`);
    await client.request(`${name}.fail`).catch(() => undefined);
    const found = await client.discover({ service: name });
    expect(found.map(({ id }) => id).toSorted()).toEqual([one.id, two.id].toSorted());
    expect(found.find(({ id }) => id === one.id)).toMatchObject({ name, version: "1.2.3", endpoints: [{ name: "add" }, { name: "fail" }] });
    const stats = await client.discover({ service: name, kind: "stats" });
    const endpoints = stats.flatMap((each) => each["endpoints"] as { name: string; num_requests: number; num_errors: number }[]);
    const sum = (method: string, of: "num_requests" | "num_errors"): number =>
      endpoints.filter((each) => each.name === method).reduce((total, each) => total + each[of], 0);
    expect([sum("add", "num_requests"), sum("add", "num_errors"), sum("fail", "num_requests"), sum("fail", "num_errors")]).toEqual([
      1, 0, 1, 1,
    ]);
    expect(JSON.stringify(stats)).not.toContain("secret");
    expect((await client.discover({ kind: "ping" })).filter((each) => each.name === name)).toHaveLength(2);
    expect(await client.discover({ service: fresh(), waitMs: 50 })).toEqual([]);
  });
}
