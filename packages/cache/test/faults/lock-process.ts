// One of several processes that take turns at a lock, over a network that fails. Tells its parent each use of its token.
import { setTimeout as sleep } from "node:timers/promises";
import { openCache } from "@bk/cache";

const cache = await openCache(process.argv[2]!, { timeoutMs: 500, options: { silenceMs: 500 } });
let isOver = false;
process.on("message", () => (isOver = true));

while (!isOver) {
  // What fails is tried again: a lock that was perhaps taken ends with its time.
  const lock = await cache.lock("turn", { ttlMs: 150, waitMs: 2_000 }).catch(() => null);
  if (lock === null) continue;
  for (let i = 0; i < 3 && lock.isHeld; i++) {
    process.send!({ token: lock.token });
    await sleep(20);
  }
  if (Math.random() < 0.7) await lock.release().catch(() => false);
}
await cache.close();
process.disconnect();
