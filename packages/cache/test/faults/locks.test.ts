// The histories of locks that eight processes take over a network that fails, some of which stand still at times.

import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram, type Program } from "../../../../test/bundle-program.js";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/redis/fixture.js";
import { isWanted } from "../test-fixture.js";

const processes = 8;

/** What a process tells, in nanoseconds of a clock that all share. */
interface Told {
  readonly kind: "got" | "held" | "use";
  readonly token: number;
  readonly at: number;
  /** When it began to ask for the lock; of `got` alone. */
  readonly askedAt?: number;
}

/** A turn of one process. */
interface Turn {
  readonly token: number;
  readonly pid: number;
  readonly askedAt: number;
  readonly gotAt: number;
  /** When it knew for sure that it held the lock. */
  readonly held: number[];
}

describe.runIf(isWanted(fixture) && process.env["BK_TEST_QUICK"] !== "1")("driver: cache-redis", { timeout: 180_000 }, () => {
  let server: Service;
  let proxy: FaultProxy;
  let program: Program;
  beforeAll(async () => {
    program = await bundleProgram(new URL("lock-process.ts", import.meta.url));
    server = await startService("redis");
    proxy = await openFaultProxy(server.url);
  }, 180_000);
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
    program?.remove();
  });

  it("no two processes hold the lock at a time, later holders have higher tokens, and a resource that looks at them has one user", async () => {
    const turns = new Map<number, Turn>();
    const shared: string[] = [];
    /** A resource that refuses tokens below the highest that it has seen: who used it, in order. */
    const accepted: { readonly token: number; readonly pid: number }[] = [];
    let late = 0;
    const hear = (pid: number, { kind, token, at, askedAt }: Told): void => {
      if (kind === "got") {
        if (turns.has(token)) shared.push(`${token} of ${turns.get(token)!.pid} and ${pid}`);
        turns.set(token, { token, pid, askedAt: askedAt!, gotAt: at, held: [] });
      } else if (kind === "held") turns.get(token)!.held.push(at);
      else if (token < (accepted.at(-1)?.token ?? 0)) late++;
      else accepted.push({ token, pid });
    };
    const children = Array.from({ length: processes }, () => fork(program.path, [proxy.url(server.url)], { execArgv: [] }));
    for (const child of children) child.on("message", (told: Told) => hear(child.pid!, told));
    await Promise.all(children.map((child) => once(child, "message")));
    for (let round = 0; round < 12; round++) {
      await proxy.mode(round % 3 === 0 ? "hang" : round % 3 === 1 ? "cut-after-request" : { delayMs: 100 });
      const still = children[round % processes]!;
      still.kill("SIGSTOP");
      await sleep(150);
      proxy.cutAll();
      await proxy.mode("pass");
      await sleep(250);
      still.kill("SIGCONT");
    }
    const ended = Promise.all(children.map((child) => once(child, "exit")));
    for (const child of children) child.send("end");
    await ended;

    const all = [...turns.values()].sort((a, b) => a.token - b.token);
    expect(shared).toEqual([]);
    // Whoever asked when another had its token already has a higher one.
    const disordered = all.flatMap((lower) => all.filter((higher) => higher.token > lower.token && higher.gotAt < lower.askedAt));
    expect(disordered).toEqual([]);
    // What each knew of its own turn: nobody was sure at the same time as another.
    const spans = all.filter(({ held }) => held.length > 0).map(({ token, held }) => ({ token, from: held[0]!, to: held.at(-1)! }));
    spans.sort((a, b) => a.from - b.from);
    expect(spans.filter((span, i) => i > 0 && span.from <= spans[i - 1]!.to)).toEqual([]);
    // Each token that was accepted had one user, and all of its uses are together.
    const users = accepted.filter(({ token, pid }, i) => token !== accepted[i - 1]?.token || pid !== accepted[i - 1]?.pid);
    expect(users.length).toBe(new Set(users.map(({ token }) => token)).size);
    // Turns were taken all the time, by several; late users are few: most know that their time is over.
    expect(all.length).toBeGreaterThan(20);
    expect(new Set(all.map(({ pid }) => pid)).size).toBeGreaterThan(1);
    expect(late).toBeLessThan(accepted.length);
  });
});
