// The measurements beside the cells, on @bk/db alone.

import { request, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerOrders } from "./answer.js";
import { openUsers } from "./contestants/bk.js";
import { userId, userOf } from "./users.js";

export interface ExtraOptions {
  readonly task: "requests" | "pages" | "scan";
  readonly url: string;
  readonly rows: number;
}

const options = JSON.parse(process.argv[2]!) as ExtraOptions;
const tasks = { requests: countRequests, pages: timePages, scan: weighScan };

answerOrders(() => tasks[options.task](options));

/** Rows of one page, and how often each is read. */
const pageRows = 20;
const repeats = 200;

async function timePages({ url }: ExtraOptions): Promise<Record<string, number>> {
  const db = await openUsers(url);
  const read = (start?: string) =>
    db.select("users", { active: true }, { sort: "id", count: pageRows, scan: true, ...(start === undefined ? {} : { start }) });
  let second: string | undefined;
  let start: string | undefined;
  for (let page = 1; page < 1_000; page++) {
    start = (await read(start)).next;
    second ??= start;
  }
  const time = async (token: string | undefined): Promise<number> => {
    const from = performance.now();
    for (let i = 0; i < repeats; i++) await read(token);
    return (performance.now() - from) / repeats;
  };
  const toFirst: number[] = [];
  const toSecond: number[] = [];
  for (let round = 0; round < 9; round++) {
    const [first, next, far] = [await time(undefined), await time(second), await time(start)];
    toFirst.push(far / first);
    toSecond.push(far / next);
  }
  await db.close();
  // Page 1 has no token to read, which is no matter of how far a page is.
  return { "page 1,000 to page 1": middle(toFirst), "page 1,000 to page 2": middle(toSecond) };
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function weighScan({ url, rows }: ExtraOptions): Promise<Record<string, number>> {
  const db = await openUsers(url);
  await db.select("users", {}, { count: pageRows });
  const before = process.memoryUsage.rss();
  let most = before;
  let seen = 0;
  for await (const _row of db.scan("users")) {
    seen++;
    if (seen % 5_000 === 0) most = Math.max(most, process.memoryUsage.rss());
  }
  if (seen !== rows) throw new Error(`the scan gave ${seen} rows of ${rows}`);
  await db.close();
  return { "scan: growth of RSS, MB": (most - before) / 2 ** 20 };
}

async function countRequests({ url, rows }: ExtraOptions): Promise<Record<string, number>> {
  const proxy = await countingProxy(new URL(url));
  const db = await openUsers(proxy.url(url));
  await db.sync();
  const users = Array.from({ length: rows }, (_, i) => userOf(i));
  const counts: Record<string, number> = {};
  const count = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    proxy.restart();
    await work();
    counts[what] = proxy.count();
  };
  await count(`bulk of ${rows} rows`, () => db.bulk(users.map((row) => ({ op: "put", table: "users", row }) as const)));
  await count("1,000 gets in a tick", () => Promise.all(Array.from({ length: 1_000 }, (_, i) => db.get("users", userId(i)))));
  await count("200 puts in a tick", () => Promise.all(users.slice(0, 200).map((user) => db.put("users", user))));
  await count("1 get", () => db.get("users", userId(1)));
  await count("1 put", () => db.put("users", users[0]!));
  await count("1 update", () => db.update("users", { id: userId(1), age: 5 }));
  await db.close();
  await proxy.close();
  return counts;
}

/** Passes requests on to a server and counts them. */
async function countingProxy(target: URL) {
  let requests = 0;
  const server = createServer((incoming, outgoing) => {
    requests++;
    const { method, headers, url } = incoming;
    const passed = request({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", (error) => outgoing.destroy(error));
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (url: string) => url.replace(target.host, `127.0.0.1:${port}`),
    count: () => requests,
    restart: () => void (requests = 0),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
