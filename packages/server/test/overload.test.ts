// What a server refuses while it is too busy, and what it does not.
import { setTimeout as sleep } from "node:timers/promises";

import type { Hook } from "@bk/modules";
import { describe, expect, it, vi } from "vitest";

import { startServer } from "./start-server.js";

const block = (ms: number): void => {
  const end = Date.now() + ms;
  while (Date.now() < end);
};

describe("a busy server", () => {
  it("refuses with 503 once its event loop is late, spares monitors and admins, and recovers by itself", async () => {
    await using on = await startServer({ limits: { maxDelayMs: 500 } });
    await vi.waitFor(async () => expect((await on.call("bob", "/auth")).status).toBe(200), { timeout: 20_000 });
    // The loop turns once, so that what comes after the block is due.
    await sleep(150);
    block(2000);
    await sleep(1);
    const refused = await on.call("bob", "/auth");
    expect([refused.status, refused.headers.get("retry-after"), refused.body["code"]]).toEqual([503, "1", "unavailable"]);
    expect((await on.call("bob", "/ping", { signed: false })).status).toBe(200);
    expect((await on.call("bob", "/health/live", { signed: false })).status).toBe(200);
    expect((await on.call("root", "/system/stats/get")).status).not.toBe(503);
    await vi.waitFor(async () => expect((await on.call("bob", "/auth")).status).toBe(200), { timeout: 20_000 });
  });

  it("lets no more requests run than it may", async () => {
    let [go, waiting] = [(): void => undefined, 0];
    const gate = new Promise<void>((resolve) => (go = resolve));
    const hook: Hook = {
      on: "accessCheck",
      path: "/auth",
      run: async () => {
        waiting++;
        await gate;
        return undefined;
      },
    };
    await using on = await startServer({ limits: { maxRunning: 2 }, hooks: [hook] });
    const running = [on.call("bob", "/auth"), on.call("bob", "/auth")];
    await vi.waitFor(() => expect(waiting).toBe(2));
    expect((await on.call("eve", "/auth")).status).toBe(503);
    go();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await on.call("eve", "/auth")).status).toBe(200);
  });

  it("refuses nothing where no limit is set", async () => {
    await using on = await startServer();
    block(700);
    await sleep(1);
    expect((await on.call("bob", "/auth")).status).toBe(200);
  });
});
