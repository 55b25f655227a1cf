// Several processes that share queues and channels, and what becomes of them when one is killed.

import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

import { openPubSub, openQueue, openService } from "@bk/queue";
import { collector } from "../src/testing/collector.js";
import { canRun } from "./test-pubsub.js";

const program = fileURLToPath(new URL("./shared-member.ts", import.meta.url));
const children: ChildProcess[] = [];
const closings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Starts a member, and waits until it is ready. */
async function member(name: string, role: string): Promise<{ child: ChildProcess; said: unknown[]; killed: () => Promise<void> }> {
  const child = fork(program, [name, role], { execArgv: ["--conditions=bk-source", "--import=tsx"] });
  children.push(child);
  const said: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    child.on("message", (message) => (message === "ready" ? resolve() : void said.push(message)));
    child.once("exit", () => reject(new Error("the member ended")));
  });
  const killed = async (): Promise<void> => {
    const end = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await end;
  };
  return { child, said, killed };
}

describe.runIf(canRun({ name: "shared", env: undefined }))("driver: queue-shared", { timeout: 60_000 }, () => {
  it("a message whose process is killed comes back to another", async () => {
    const name = randomUUID();
    const queue = await openQueue(`shared:${name}`, { name: "work" });
    closings.push(() => queue.close());
    await queue.submit("job");
    const worker = await member(name, "work");
    await expect.poll(() => worker.said, { timeout: 20_000 }).toEqual([{ took: "job", attempt: 1 }]);
    await worker.killed();
    const got = collector<{ data: unknown; attempt: number }>();
    await queue.listen((data, { attempt }) => got.add({ data, attempt }), { visibilityTimeoutMs: 1_000 });
    await got.has(1);
    expect(got.items).toEqual([{ data: "job", attempt: 2 }]);
    expect(await queue.stats()).toMatchObject({ waiting: 0 });
  });

  it("when the process that keeps them is killed another takes over, and subscribers are told that they may have missed something", async () => {
    const name = randomUUID();
    const host = await member(name, "listen");
    const listener = await openPubSub(`shared:${name}`);
    closings.push(() => listener.close());
    const got = collector<unknown>();
    let missed = 0;
    await listener.subscribe("news.*", (data) => got.add(data), { onMissed: () => missed++ });
    await listener.publish("news.one", 1);
    await got.has(1);
    await expect.poll(() => host.said, { timeout: 20_000 }).toEqual([{ got: 1 }]);
    await host.killed();
    await expect.poll(() => missed, { timeout: 20_000 }).toBe(1);
    await listener.publish("news.two", 2);
    await got.has(2);
    expect(got.items).toEqual([1, 2]);
    const other = await member(name, "listen");
    await listener.publish("news.three", { bytes: "as JSON" });
    await expect.poll(() => other.said, { timeout: 20_000 }).toEqual([{ got: { bytes: "as JSON" } }]);
  });

  it("a call whose process is killed is told at once, and when that handed calls on another does", async () => {
    const name = randomUUID();
    // The first one hands calls on.
    const host = await member(name, "serve");
    const client = await openService("client", { url: `shared:${name}` });
    closings.push(() => client.close());
    expect(await client.request("math.same", 1)).toBe(1);
    const other = await member(name, "serve");
    const failed = client.request("math.never").catch((error: unknown) => error);
    await expect.poll(() => [...host.said, ...other.said], { timeout: 20_000 }).toEqual(["begun"]);
    const isHost = host.said.length > 0;
    await (isHost ? host : other).killed();
    expect(await failed).toMatchObject({ code: "unavailable", outcome: "unknown" });
    if (!isHost) await host.killed();
    await expect
      .poll(() => client.request("math.same", 2, { timeoutMs: 5_000 }).catch((error: { code: string }) => error.code), { timeout: 20_000 })
      .toEqual(isHost ? 2 : "unavailable");
    const last = await member(name, "serve");
    await expect
      .poll(() => client.request("math.same", 3, { timeoutMs: 5_000 }).catch((error: { code: string }) => error.code), { timeout: 20_000 })
      .toBe(3);
    await last.killed();
  });

  it("what cannot be handed on is told as unavailable", async () => {
    const options = { host: false };
    const bus = await openPubSub(`shared:${randomUUID()}`, { options });
    closings.push(() => bus.close());
    await expect(bus.publish("news", 1)).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    const service = await openService("client", { url: `shared:${randomUUID()}`, options });
    closings.push(() => service.close());
    await expect(service.request("math.same", 1)).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
  });
});
