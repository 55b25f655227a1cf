// One of several processes that take turns at a lock, over a network that fails. Tells its parent what it sees.
import { setTimeout as sleep } from "node:timers/promises";
import { openCache } from "@bk/cache";

const cache = await openCache(process.argv[2]!, { timeoutMs: 500, options: { silenceMs: 500 } });
let isOver = false;
process.on("message", () => (isOver = true));
/** The machine's own clock, which all its processes share; in nanoseconds. */
const now = (): number => Number(process.hrtime.bigint());

while (!isOver) {
  const askedAt = now();
  // What fails is tried again: a lock that was perhaps taken ends with its time.
  const lock = await cache.lock("turn", { ttlMs: 150, waitMs: 2_000 }).catch(() => null);
  if (lock === null) continue;
  const { token } = lock;
  process.send!({ kind: "got", token, askedAt, at: now() });
  for (let i = 0; i < 3; i++) {
    // The time is taken first: that the lock is held afterwards says that it was then.
    const at = now();
    if (!lock.isHeld) break;
    process.send!({ kind: "held", token, at });
    await sleep(20);
    // A careless holder does not look again, and may be late.
    process.send!({ kind: "use", token, at: now() });
    if (i === 1) await lock.extend().catch(() => false);
  }
  if (Math.random() < 0.7) await lock.release().catch(() => false);
}
await cache.close();
process.disconnect();
