// A cluster of Node with a shared cache: the primary keeps it, workers use it, one of them is killed. Prints what is left.
import cluster from "node:cluster";
import { once } from "node:events";
import { openCache } from "@bk/cache";

const cache = await openCache("shared:cluster-" + process.argv[2]!);

if (cluster.isPrimary) {
  await cache.put("kept", "before");
  const workers = Array.from({ length: 3 }, () => cluster.fork());
  await Promise.all(workers.map((worker) => once(worker, "message")));
  workers[0]!.process.kill("SIGKILL");
  await once(workers[0]!, "exit");
  for (const worker of workers.slice(1)) worker.send("end");
  const [loads] = await Promise.all([cache.get("loads"), ...workers.slice(1).map((worker) => once(worker, "exit"))]);
  const lock = await cache.lock("held", { waitMs: 10_000 });
  console.log(JSON.stringify({ n: await cache.get("n"), kept: await cache.get("kept"), loads, isFree: lock !== null }));
  await cache.close();
} else {
  await Promise.all(Array.from({ length: 100 }, () => cache.incr("n")));
  await cache.remember("loaded", () => cache.incr("loads"));
  if (cluster.worker!.id === 1) await cache.lock("held", { ttlMs: 500 });
  process.on("message", () => void cache.close().then(() => process.exit(0)));
  process.send!("ready");
}
