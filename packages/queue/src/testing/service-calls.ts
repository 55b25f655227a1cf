// What calls of services carry, and how many at once.

import { expect, it } from "vitest";

import type { CallContext } from "../services/options.js";
import { collector } from "./collector.js";
import { refused } from "./refused.js";
import type { ServiceContext } from "./service-context.js";

const values = [
  null,
  0,
  "",
  false,
  true,
  -1.5,
  "text",
  'ünï → 😀 \u0000 "',
  [],
  [null, [1]],
  {},
  { a: { b: [1, "x"] }, error: "no error", payload: 1 },
];

export function serviceCalls({ open, fresh }: ServiceContext): void {
  it("carries any JSON value there and back, and nothing as undefined", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    await server.expose({
      same: async (message: unknown) => message,
      nothing: async () => undefined,
      sync: (message: unknown) => [message],
    });
    for (const value of values) {
      expect(await client.request(`${name}.same`, value)).toEqual(value);
      expect(await client.request(`${name}.sync`, value)).toEqual([value]);
    }
    expect(await client.request(`${name}.same`)).toBeUndefined();
    expect(await client.request(`${name}.nothing`, 1)).toBeUndefined();
    // The same, sent together.
    expect(await Promise.all(values.map((value) => client.request(`${name}.same`, value)))).toEqual(values);
    expect(await Promise.all([1, 2].map(() => client.request(`${name}.same`)))).toEqual([undefined, undefined]);
  });

  it("answers each of many calls at once with its own answer", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    await server.expose({
      double: (n: number) => n * 2,
      late: async (n: number) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (n % 3 === 0) throw new Error(`no ${n}`);
        return n;
      },
    });
    const numbers = Array.from({ length: 1000 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => client.request(`${name}.double`, n)))).toEqual(numbers.map((n) => n * 2));
    const results = await Promise.allSettled(numbers.map((n) => client.request<number>(`${name}.late`, n)));
    for (const [n, result] of results.entries()) {
      if (n % 3 === 0) expect(result).toMatchObject({ status: "rejected", reason: { message: `no ${n}` } });
      else expect(result).toEqual({ status: "fulfilled", value: n });
    }
  });

  it("sends what the message was when it was called", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    await server.expose({ same: (message: unknown) => message });
    const message = { list: [1] };
    const answer = client.request(`${name}.same`, message);
    message.list.push(2);
    expect(await answer).toEqual({ list: [1] });
  });

  it("tells a handler who was called, and whether somebody waits", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    const got = collector<CallContext>();
    await server.expose({ "method-1": (_message: unknown, context: CallContext) => got.add(context) });
    await client.request(`${name}.method-1`);
    await client.publish(`${name}.method-1`, { a: 1 });
    await got.has(2);
    expect(got.items).toMatchObject([
      { service: name, method: "method-1", isAnswered: true },
      { service: name, method: "method-1", isAnswered: false },
    ]);
    expect(got.items[0]!.signal.aborted).toBe(false);
  });

  it("publishes to one instance, and to all by broadcast", async () => {
    const name = fresh();
    const [one, two, client] = [await open(name), await open(name), await open(fresh())];
    const got = collector<string>();
    await one.expose({ note: (message: string) => got.add(`one ${message}`) });
    await two.expose({ note: (message: string) => got.add(`two ${message}`) });
    for (let n = 0; n < 10; n++) await client.publish(`${name}.note`, `p${n}`);
    await got.has(10);
    expect(got.items.map((text) => text.slice(4)).toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `p${n}`));
    await client.broadcast(`${name}.note`, "all");
    await got.has(12);
    expect(got.items.slice(10).toSorted()).toEqual(["one all", "two all"]);
    // Nobody listening is no error.
    await client.publish(`${fresh()}.note`, 1);
    await client.broadcast(`${fresh()}.note`, 1);
  });

  it("carries large messages, and refuses larger ones before anything is sent", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh(), { maxMessageBytes: 500_000 })];
    let calls = 0;
    await server.expose({
      length: (text: string) => {
        calls++;
        return text.length;
      },
      repeat: (count: number) => "x".repeat(count),
    });
    expect(await client.request(`${name}.length`, "x".repeat(499_998))).toBe(499_998);
    await refused(client.request(`${name}.length`, "x".repeat(499_999)), "too-large", "none");
    expect(calls).toBe(1);
    expect(await client.request<string>(`${name}.repeat`, 1_000_000)).toHaveLength(1_000_000);
    // What the handler did is done; its answer cannot be sent.
    await refused(client.request(`${name}.repeat`, 2_000_000), "too-large", "done");
    // Many large ones together.
    const texts = Array.from({ length: 20 }, (_, n) => "y".repeat(20_000 + n));
    expect(await Promise.all(texts.map((text) => client.request(`${name}.length`, text)))).toEqual(texts.map((text) => text.length));
    expect(
      (await Promise.all(texts.map((text) => client.request<string>(`${name}.repeat`, text.length)))).map((text) => text.length),
    ).toEqual(texts.map((text) => text.length));
  });

  it("a schema checks messages, and gives the handler what it makes of them", async () => {
    const name = fresh();
    const [server, client] = [await open(name), await open(fresh())];
    const input = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) =>
          typeof value === "number" ? { value: value + 1 } : { issues: [{ message: "must be a number", path: ["n", { key: 0 }] }] },
      },
    };
    await server.expose({ next: { input, run: (n: number) => n } });
    expect(await client.request(`${name}.next`, 1)).toBe(2);
    const error = await refused(client.request(`${name}.next`, "1"), "invalid", "none");
    expect(error.detail).toMatchObject({ status: 400, data: { issues: [{ message: "must be a number", path: ["n", "0"] }] } });
  });

  it("refuses wrong names, values and options", async () => {
    const client = await open(fresh());
    for (const target of [
      "",
      "math",
      ".add",
      "math.",
      "a b.c",
      "math.a b",
      "math.*",
      "math.>",
      "$SYS.REQ",
      "a..b",
      "math.ü",
      1,
      undefined,
    ] as string[])
      await refused(client.request(target), "invalid", "none");
    for (const value of [() => 1, 1n, Number.NaN, new Date()]) await refused(client.request("math.add", value), "invalid", "none");
    for (const options of [{ timeoutMs: 0 }, { timeoutMs: "5" }, { attempts: 0 }, { timeout: 5 }, { signal: 1 }])
      await refused(client.request("math.add", 1, options as object), "invalid", "none");
    for (const methods of [{ "a.b": () => 1 }, { a: 1 }, { a: { run: () => 1 } }, null, { "": () => 1 }])
      await refused(client.expose(methods as never), "invalid", "none");
    for (const name of ["", "a b", "a*", "$a", ".a", "a..b", 1] as string[]) await refused(open(name), "invalid");
    for (const options of ["text", [], null, { ttl: 30 }, { port: 1 }, { timeoutMs: -1 }])
      await refused(open("a", options as object), "invalid");
  });
}
