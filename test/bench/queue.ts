// `npm run bench -- queue`: work queues against bare Redis lists, bullmq, bee-queue and pg-boss, interleaved in one run.

import { startServices } from "../services/index.js";
import { markdown } from "./report.js";
import { median } from "./measure.js";

/** One way to have a queue. Each turn has a queue of its own. */
interface Contestant {
  readonly name: string;
  /** What the ratios of the table are to. */
  readonly family: "redis" | "postgres";
  open(url: string, queue: string): Promise<OpenContestant>;
}

interface OpenContestant {
  /** Adds one message. */
  add(n: number): Promise<unknown>;
  addBulk(numbers: readonly number[]): Promise<unknown>;
  /** Consumes until so many are done. */
  work(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface QueueSettings {
  readonly jobs: number;
  readonly rounds: number;
  readonly say: (text: string) => void;
}

const producers = 64;
const concurrency = 50;
const cells = ["add, 64 at once", "add in bulk", "work"] as const;

/** Calls back once when so many are done. */
function counter(count: number): { readonly done: Promise<void>; readonly one: () => void } {
  let left = count;
  let end = (): void => undefined;
  const done = new Promise<void>((resolve) => (end = resolve));
  return { done, one: () => void (--left === 0 && end()) };
}

async function bk(url: string, name: string): Promise<OpenContestant> {
  const { openQueue } = await import("@bk/queue");
  const queue = await openQueue<{ n: number }>(url, { name });
  return {
    add: (n) => queue.submit({ n }),
    addBulk: (numbers) => queue.submitMany(numbers.map((n) => ({ message: { n } }))),
    async work(count) {
      const { done, one } = counter(count);
      const listener = await queue.listen(one, { concurrency });
      await done;
      await listener.close();
    },
    close: () => queue.close(),
  };
}

const contestants: readonly Contestant[] = [
  {
    name: "raw redis list",
    family: "redis",
    async open(url, queue) {
      const { Redis } = await import("ioredis");
      const client = new Redis(url);
      const blocking = Array.from({ length: concurrency }, () => new Redis(url));
      return {
        add: (n) => client.lpush(queue, JSON.stringify({ n })),
        addBulk: (numbers) => client.lpush(queue, ...numbers.map((n) => JSON.stringify({ n }))),
        async work(count) {
          const { done, one } = counter(count);
          let taken = 0;
          const loop = async (own: InstanceType<typeof Redis>): Promise<void> => {
            while (taken++ < count) {
              const job = await own.brpoplpush(queue, `${queue}:running`, 0);
              JSON.parse(job!);
              await client.lrem(`${queue}:running`, 1, job!);
              one();
            }
          };
          await Promise.all([...blocking.map(loop), done]);
        },
        async close() {
          await Promise.all([client, ...blocking].map((each) => each.quit()));
        },
      };
    },
  },
  { name: "bk", family: "redis", open: bk },
  {
    name: "bullmq",
    family: "redis",
    async open(url, name) {
      const { Queue, Worker } = await import("bullmq");
      const { hostname: host, port } = new URL(url);
      const connection = { host, port: Number(port), maxRetriesPerRequest: null };
      const queue = new Queue(name, { connection });
      return {
        add: (n) => queue.add("job", { n }, { removeOnComplete: true }),
        addBulk: (numbers) => queue.addBulk(numbers.map((n) => ({ name: "job", data: { n }, opts: { removeOnComplete: true } }))),
        async work(count) {
          const { done, one } = counter(count);
          const worker = new Worker(name, async () => one(), { connection, concurrency });
          await done;
          await worker.close();
        },
        close: () => queue.close(),
      };
    },
  },
  {
    name: "bee-queue",
    family: "redis",
    async open(url, name) {
      const { default: BeeQueue } = await import("bee-queue");
      const { hostname: host, port } = new URL(url);
      const queue = new BeeQueue(name, { redis: { host, port: Number(port) }, removeOnSuccess: true });
      await queue.ready();
      return {
        add: (n) => queue.createJob({ n }).save(),
        addBulk: (numbers) => queue.saveAll(numbers.map((n) => queue.createJob({ n }))),
        async work(count) {
          const { done, one } = counter(count);
          queue.process(concurrency, async () => one());
          await done;
        },
        close: () => queue.close(),
      };
    },
  },
  { name: "bk on a table", family: "postgres", open: (url, queue) => bk(`db:${url}`, queue) },
  {
    name: "pg-boss",
    family: "postgres",
    async open(url, name) {
      const { default: PgBoss } = await import("pg-boss");
      const boss = new PgBoss(url);
      await boss.start();
      await boss.createQueue(name);
      return {
        add: (n) => boss.send(name, { n }),
        addBulk: (numbers) => boss.insert(numbers.map((n) => ({ name, data: { n } }))),
        async work(count) {
          for (let left = count; left > 0;) {
            const jobs = await boss.fetch(name, { batchSize: concurrency });
            await boss.complete(
              name,
              jobs.map(({ id }) => id),
            );
            left -= jobs.length;
          }
        },
        close: () => boss.stop({ graceful: false }),
      };
    },
  },
];

async function turn(
  { family, name, open }: Contestant,
  urls: Readonly<Record<string, string>>,
  jobs: number,
  round: number,
): Promise<number[]> {
  const queue = `bench-${process.pid}-${round}-${name.replaceAll(/\W/g, "")}`;
  const own = await open(urls[family]!, queue);
  const rate = async (work: () => Promise<unknown>): Promise<number> => {
    const from = performance.now();
    await work();
    return (jobs * 1000) / (performance.now() - from);
  };
  try {
    const add = await rate(async () => {
      let next = 0;
      await Promise.all(
        Array.from({ length: producers }, async () => {
          while (next < jobs) await own.add(next++);
        }),
      );
    });
    const work = await rate(() => own.work(jobs));
    const numbers = Array.from({ length: jobs }, (_, n) => n);
    const bulk = await rate(async () => {
      for (let from = 0; from < jobs; from += 1000) await own.addBulk(numbers.slice(from, from + 1000));
    });
    return [add, bulk, work];
  } finally {
    await own.close();
  }
}

/** @returns the table */
export async function measureQueues({ jobs, rounds, say }: QueueSettings): Promise<string> {
  const services = await startServices(["redis", "pg"]);
  try {
    const urls = { redis: services.env["BK_TEST_REDIS"] ?? "", postgres: services.env["BK_TEST_PG"] ?? "" };
    const present = contestants.filter(({ family }) => urls[family] !== "");
    const results = new Map(present.map(({ name }) => [name, [] as number[][]]));
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const contestant of present) {
        const rates = await turn(contestant, urls, round === 0 ? Math.ceil(jobs / 10) : jobs, round);
        say(`${contestant.name}: ${rates.map((rate) => Math.round(rate)).join(" ")}`);
        if (round > 0) results.get(contestant.name)!.push(rates);
      }
    }
    const rows = present.map(({ name, family }) => {
      const base = results.get(present.find((each) => each.family === family)!.name)!;
      return [
        name,
        ...cells.map((_cell, at) => {
          const rates = results.get(name)!;
          const ratio = median(rates.map((own, round) => own[at]! / base[round]![at]!));
          return `${Math.round(median(rates.map((own) => own[at]!)))} (${ratio.toFixed(2)})`;
        }),
      ];
    });
    const notes = services.notRun.map(({ driver, reason }) => `${driver} was not there: ${reason}\n`).join("");
    return `${jobs} messages a turn, ${producers} producers, concurrency ${concurrency}; median messages/s (ratio to the first of its engine)\n\n${markdown([["", ...cells], ...rows])}\n${notes}`;
  } finally {
    await services.stop();
  }
}
