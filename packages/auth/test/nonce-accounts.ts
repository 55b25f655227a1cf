// What every store of used signatures does for several accounts and callers.

import type { TestClock } from "@bk/core";
import { expect, it } from "vitest";
import type { Nonces } from "../src/nonces.js";

/** Registers the tests; `open` gives an empty store with a limit for each account. */
export function describeAccounts(clock: TestClock, open: (maxPerAccount: number) => Nonces | Promise<Nonces>): void {
  it("one account cannot fill the store: others go on, and it goes on when its own signatures have ended", async () => {
    const nonces = await open(3);
    const ends = clock.now() + 5000;
    for (const key of ["a", "b", "c"]) expect(await nonces.take(key, ends, "eve")).toBe(true);
    const refused = await nonces.take("d", ends, "eve").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "limited", outcome: "none", detail: { retryAfterMs: expect.any(Number) } });
    expect(await nonces.take("e", ends, "bob")).toBe(true);
    clock.advance((refused as { detail: { retryAfterMs: number } }).detail.retryAfterMs);
    expect(await nonces.take("f", clock.now() + 5000, "eve")).toBe(true);
  });

  it("what is given back can be taken again and takes no room", async () => {
    const nonces = await open(1);
    const ends = clock.now() + 5000;
    for (const _round of [1, 2, 3]) {
      expect(await nonces.take("a", ends, "bob")).toBe(true);
      await nonces.giveBack!("a", ends, "bob");
    }
    expect(await nonces.take("b", ends, "bob")).toBe(true);
  });

  it("of 20 callers at once one takes a key", async () => {
    const nonces = await open(50);
    const taken = await Promise.all(Array.from({ length: 20 }, () => nonces.take("a", clock.now() + 5000, "bob")));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });
}
