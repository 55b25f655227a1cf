// The histories of locks that eight processes take over a network that fails.

import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/redis/fixture.js";
import { isWanted } from "../test-fixture.js";

const program = fileURLToPath(new URL("./lock-process.ts", import.meta.url));
const processes = 8;

describe.runIf(isWanted(fixture) && process.env["BK_TEST_QUICK"] !== "1")("driver: cache-redis", { timeout: 180_000 }, () => {
  let server: Service;
  let proxy: FaultProxy;
  beforeAll(async () => {
    server = await startService("redis");
    proxy = await openFaultProxy(server.url);
  }, 180_000);
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  it("no token is given to two holders, and none that is accepted is below one before", async () => {
    /** A resource that refuses tokens below the highest that it has seen. */
    let highest = 0;
    const ownerOf = new Map<number, number>();
    const shared: string[] = [];
    let refused = 0;
    const children = Array.from({ length: processes }, () =>
      fork(program, [proxy.url(server.url)], { execArgv: ["--conditions=bk-source", "--import=tsx"] }),
    );
    for (const child of children)
      child.on("message", ({ token }: { token: number }) => {
        const owner = ownerOf.get(token) ?? child.pid!;
        if (owner !== child.pid) shared.push(`${token} of ${owner} and ${child.pid}`);
        ownerOf.set(token, owner);
        if (token < highest) refused++;
        else highest = token;
      });
    await Promise.all(children.map((child) => once(child, "message")));
    for (let round = 0; round < 12; round++) {
      await proxy.mode(round % 3 === 0 ? "hang" : round % 3 === 1 ? "cut-after-request" : { delayMs: 100 });
      await sleep(150);
      proxy.cutAll();
      await proxy.mode("pass");
      await sleep(250);
    }
    const ended = Promise.all(children.map((child) => once(child, "exit")));
    for (const child of children) child.send("end");
    await ended;
    expect(shared).toEqual([]);
    // Turns were taken all the time, by most of them.
    expect(ownerOf.size).toBeGreaterThan(20);
    expect(new Set(ownerOf.values()).size).toBeGreaterThan(1);
    // Late holders are few: most know that their time is over.
    expect(refused).toBeLessThan(ownerOf.size);
  });
});
