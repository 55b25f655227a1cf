import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BkError } from "./errors.js";
import { type SharedCaller, SharedLink, sharedPath } from "./shared-link.js";

const links: SharedLink[] = [];
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
});

/** A counter that one process keeps for all. */
function counter(): { call(body: { add?: number; wait?: boolean; fail?: boolean }, caller: SharedCaller, signal: AbortSignal): unknown } {
  let sum = 0;
  return {
    call({ add = 0, wait, fail }, caller, signal) {
      if (fail) throw new BkError("limited", "slowly", { detail: { retryAfterMs: 5 } });
      if (wait) return new Promise((resolve) => signal.addEventListener("abort", () => resolve("given up"), { once: true }));
      sum += add;
      if (add > 0) caller.push({ added: add });
      return sum;
    },
  };
}

async function open(path: string, more: Partial<ConstructorParameters<typeof SharedLink>[0]> = {}): Promise<SharedLink> {
  const link = new SharedLink({ path, service: counter, ...more });
  links.push(link);
  await link.ready();
  return link;
}

describe("sharedPath", () => {
  it("has a folder for each user, also for one without a name; nobody else's is used", () => {
    expect(sharedPath("some")).toContain(`/bk-${process.geteuid!()}/`);
    const spy = vi.spyOn(process, "geteuid").mockReturnValue(54_321);
    try {
      expect(() => sharedPath("some")).toThrow(expect.objectContaining({ code: "denied" }));
    } finally {
      spy.mockRestore();
      rmSync(join(tmpdir(), "bk-54321"), { recursive: true });
    }
  });
});

describe("SharedLink", () => {
  it("one keeps the store, all use it", async () => {
    const path = sharedPath(randomUUID());
    const all = await Promise.all(Array.from({ length: 5 }, () => open(path)));
    await Promise.all(all.flatMap((link) => Array.from({ length: 100 }, () => link.call({ add: 1 }))));
    expect(await Promise.all(all.map((link) => link.call({})))).toEqual([500, 500, 500, 500, 500]);
  });

  it("texts of every kind and length come through", async () => {
    const path = sharedPath(randomUUID());
    const service = (): { call(body: string): string } => ({ call: (body) => body });
    const [host, guest] = [await open(path, { service }), await open(path, { service })];
    for (const text of ["", "a\nb\r\n\0", "\u{1f600}ü".repeat(300_000), "\ud800"])
      for (const link of [host, guest]) expect(await link.call(text)).toBe(text);
  });

  it("errors keep their code, and messages come without being asked for", async () => {
    const path = sharedPath(randomUUID());
    const host = await open(path);
    const heard: unknown[] = [];
    const guest = await open(path, { onPush: (message: unknown) => void heard.push(message) });
    for (const link of [host, guest])
      await expect(link.call({ fail: true })).rejects.toMatchObject({ code: "limited", detail: { retryAfterMs: 5 } });
    await guest.call({ add: 7 });
    expect(heard).toEqual([{ added: 7 }]);
  });

  it("the store is told when nobody waits for a call", async () => {
    const path = sharedPath(randomUUID());
    const all = [await open(path), await open(path)];
    for (const link of all) {
      const abort = new AbortController();
      const call = link.call({ wait: true }, abort.signal);
      abort.abort();
      expect(await call).toBe("given up");
    }
  });

  it("when the host ends, calls under way fail, and another takes over", async () => {
    const path = sharedPath(randomUUID());
    const host = await open(path);
    let resets = 0;
    const guests = [await open(path, { onReset: () => resets++ }), await open(path, { onReset: () => resets++ })];
    await guests[0]!.call({ add: 3 });
    const stuck = guests[0]!.call({ wait: true });
    const failure = expect(stuck).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
    await host.close();
    await failure;
    await vi.waitUntil(() => resets === 2, { timeout: 20_000 });
    expect(await guests[0]!.call({ add: 2 })).toBe(2);
    expect(await guests[1]!.call({})).toBe(2);
  });

  it("one that may not host waits for a host", async () => {
    const path = sharedPath(randomUUID());
    const guest = new SharedLink({ path, service: counter, host: false });
    links.push(guest);
    const ready = guest.ready();
    await open(path);
    await ready;
    expect(await guest.call({ add: 1 })).toBe(1);
  });

  it("refuses calls after close", async () => {
    const link = await open(sharedPath(randomUUID()));
    await link.close();
    await expect(link.ready()).rejects.toMatchObject({ code: "closed" });
    await expect(link.call({})).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
  });
});
