// What is measured: each cell runs one kind of call for some time and gives what one call, or one row, took.

import type { Contestant } from "./contestant.js";
import { emailOf, newId, spread, userId, userOf, type User } from "./users.js";

export interface Measured {
  /** Microseconds of one call; of one row for `bulk`. */
  readonly us: number;
  /** Microseconds of this process's own work in them. */
  readonly cpuUs: number;
}

export interface Stage {
  readonly contestant: Contestant;
  /** Rows of the table. */
  readonly rows: number;
  /** How long a turn lasts at least, in milliseconds. */
  readonly turnMs: number;
}

type Cell = (stage: Stage) => Promise<Measured>;

/** Rows of one `bulk`. */
const bulkRows = 10_000;
const variety = 4_096;
const loops = 64;

export const cells: Readonly<Record<string, Cell>> = {
  get: (stage) => oneByOne(stage, idsOf(stage), (id) => stage.contestant.get(id)),
  getMiss: (stage) => oneByOne(stage, missing, (id) => stage.contestant.get(id)),
  select: (stage) => oneByOne(stage, emailsOf(stage), (email) => stage.contestant.select!(email)),
  page: (stage) => oneByOne(stage, ages, (age) => stage.contestant.page!(age)),
  update: (stage) => oneByOne(stage, idsOf(stage), (id, i) => stage.contestant.update!(id, i % 90)),
  incr: (stage) => oneByOne(stage, idsOf(stage), (id) => stage.contestant.incr!(id)),
  put: (stage) => oneByOne(stage, usersOf(stage), (user) => stage.contestant.put(user)),
  add: (stage) => cleaned(stage, newUsers(variety), (users) => oneByOne(stage, users, (user) => stage.contestant.add!(user), users.length)),
  del: (stage) =>
    cleaned(stage, newUsers(variety), async (users) => {
      await insert(stage.contestant, users);
      return oneByOne(stage, users, ({ id }) => stage.contestant.del(id), users.length);
    }),
  bulk: (stage) =>
    cleaned(stage, newUsers(bulkRows), (users) => measure(users.length, async () => void (await stage.contestant.bulk!(users)))),
  conc64: (stage) => inLoops(stage, idsOf(stage), (id) => stage.contestant.get(id)),
  put64: (stage) => inLoops(stage, usersOf(stage), (user) => stage.contestant.put(user)),
  tick1000: (stage) => inTicks(stage, idsOf(stage), 1_000, (id) => stage.contestant.get(id)),
  tick200put: (stage) => inTicks(stage, usersOf(stage), 200, (user) => stage.contestant.put(user)),
};

/** The cells that an engine without queries has. */
export const keyedCells: readonly string[] = ["get", "getMiss", "put", "del", "conc64", "put64", "tick1000", "tick200put"];

const missing = Array.from({ length: variety }, (_, i) => `none-${i}`);
const ages = spread(variety, 30).map((n) => n + 20);

/** Items are made once in a process: making them is no part of a turn. */
function kept<Item>(make: (rows: number) => Item[]): (stage: Pick<Stage, "rows">) => readonly Item[] {
  let items: Item[] | undefined;
  return ({ rows }) => (items ??= make(rows));
}

const idsOf = kept((rows) => spread(variety, rows).map((i) => userId(i)));
const emailsOf = kept((rows) => spread(variety, rows).map((i) => emailOf(i)));
const usersOf = kept((rows) => [...new Set(spread(variety, rows))].map((i) => ({ ...userOf(i), name: `Changed ${i}` })));
const makeNew = kept(() => Array.from({ length: bulkRows }, (_, i) => userOf(i, newId(i))));

function newUsers(count: number): readonly User[] {
  return makeNew({ rows: 0 }).slice(0, count);
}

async function insert(contestant: Contestant, users: readonly User[]): Promise<void> {
  if (contestant.bulk !== undefined) await contestant.bulk(users);
  else await Promise.all(users.map((user) => contestant.put(user)));
}

async function cleaned(stage: Stage, users: readonly User[], work: (users: readonly User[]) => Promise<Measured>): Promise<Measured> {
  try {
    return await work(users);
  } finally {
    await stage.contestant.clear();
  }
}

async function measure(calls: number, work: () => Promise<void> | void): Promise<Measured> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const us = (performance.now() - start) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { us: us / calls, cpuUs: (user + system) / calls };
}

/** Builders of queries may be no promises, but are sent when they are awaited. */
function isThenable(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "then" in answer;
}

/** Calls one after the other. What is answered at once is not awaited: a synchronous library has no promise to wait for. */
async function oneByOne<Item>(
  { turnMs }: Stage,
  items: readonly Item[],
  call: (item: Item, i: number) => unknown,
  most = Infinity,
): Promise<Measured> {
  let done = 0;
  const measured = await measure(1, async () => {
    const end = performance.now() + turnMs;
    const first = call(items[0]!, done++);
    const isAsync = isThenable(first);
    if (isAsync) await first;
    while (done < most && performance.now() < end) {
      const stop = Math.min(done + 20, most);
      if (isAsync) for (; done < stop; done++) await call(items[done % items.length]!, done);
      else for (; done < stop; done++) call(items[done % items.length]!, done);
    }
  });
  return { us: measured.us / done, cpuUs: measured.cpuUs / done };
}

/** 64 loops of calls at the same time. */
async function inLoops<Item>({ turnMs }: Stage, items: readonly Item[], call: (item: Item) => unknown): Promise<Measured> {
  let done = 0;
  const measured = await measure(1, async () => {
    const end = performance.now() + turnMs;
    const loop = async (from: number): Promise<void> => {
      for (let i = from; performance.now() < end; i += 1) {
        const answer = call(items[i % items.length]!);
        if (isThenable(answer)) await answer;
        done++;
      }
    };
    await Promise.all(Array.from({ length: loops }, (_, i) => loop(i * 61)));
  });
  return { us: measured.us / done, cpuUs: measured.cpuUs / done };
}

/** Calls that are started in one tick. */
async function inTicks<Item>({ turnMs }: Stage, items: readonly Item[], size: number, call: (item: Item) => unknown): Promise<Measured> {
  let done = 0;
  const measured = await measure(1, async () => {
    const end = performance.now() + turnMs;
    do {
      const answers: unknown[] = [];
      for (let i = 0; i < size; i++) answers.push(call(items[(done + i) % items.length]!));
      if (isThenable(answers[0])) await Promise.all(answers);
      done += size;
    } while (performance.now() < end);
  });
  return { us: measured.us / done, cpuUs: measured.cpuUs / done };
}
