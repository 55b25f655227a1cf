// Transactions: interactive ones on a session of the engine, batch ones on an overlay.

import { retry } from "@bk/core";

import type { ForgottenTable, Touched } from "../calls/cached-rows.js";
import { endTransaction, type Mark, type Overlay, type OpenTransaction, openTransactionOf, undone } from "../calls/open-transaction.js";
import type { TransactionOptions } from "../calls/options.js";
import type { RowChange, Session, Value, Values } from "../driver.js";
import { DbError } from "../errors.js";
import { endingSession } from "./ending-session.js";
import type { Deadline } from "../execute/deadline.js";
import type { Pool } from "../execute/pool.js";
import type { CallEvent, Numbers } from "../execute/tracing.js";

export interface TransactionParts {
  readonly pool: Pool;
  readonly options: TransactionOptions;
  readonly deadline: Deadline | undefined;
  /** The call as tracers know it. */
  readonly trace: CallEvent | undefined;
  /** What it writes of cached tables is noted here. */
  readonly touched: Touched | undefined;
  /** The table, where its rows are cached. */
  readonly cachedOf: (table: string) => ForgottenTable | undefined;
  /** Gives the overlay of a batch transaction. */
  readonly openOverlay: (pool: Pool) => Promise<Overlay>;
}

/** Runs `work` in a transaction; again, when others were faster, which has done nothing. */
export function runTransaction<T>(parts: TransactionParts, work: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
  const { pool, options, deadline } = parts;
  const { transactions } = pool.capabilities;
  if (transactions === "none") {
    const message = "this driver has no transactions (capability transactions)";
    throw pool.error(new DbError("unsupported", message, { detail: { capability: "transactions" } }), { verb: "transaction" });
  }
  const run = transactions === "interactive" ? runInteractive : runBatch;
  const { clock } = pool.options;
  return retry(() => run(parts, work), {
    clock,
    attempts: options.attempts ?? 5,
    signal: deadline?.signal,
    minDelayMs: 5,
    when: (error) => error instanceof DbError && error.code === "limited" && error.outcome === "none",
  });
}

/** On a session of the engine; commits when `work` resolves, rolls back when it rejects. */
async function runInteractive<T>(parts: TransactionParts, work: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
  const { pool, options, deadline, trace } = parts;
  const { driver } = pool;
  const { isolation = "default" } = options;
  const begun = await request(parts, "begin", () => driver.begin!({ isolation, signal: deadline?.signal }));
  const ending = pool.capabilities.afterRefusal === "ends" ? endingSession(pool, begun) : undefined;
  const session = ending ?? begun;
  const transaction = openTransactionOf({
    pool,
    isolation,
    signal: deadline?.signal,
    target: {
      send: (prepared, values, signal) => session.execute(prepared.command, values, signal),
      sendMany: session.executeGroup && ((prepared, group, signal) => session.executeGroup!(prepared.command, group, signal)),
    },
    overlay: undefined,
    mark: session.mark && pool.capabilities.savepoints ? () => markOf(parts, session) : undefined,
    session,
    trace,
    touched: parts.touched,
  });
  let result: T;
  try {
    result = await untilEnded(deadline, work(transaction));
    await endTransaction(transaction);
    ending?.throwIfRefused();
  } catch (error) {
    await endTransaction(transaction);
    // The error that ended the work is the one to report; a failed rollback leaves nothing committed either.
    await request(parts, "rollback", () => session.rollback()).catch((cause: unknown) =>
      pool.options.log.warn("rollback failed", { reason: (cause as DbError).message }),
    );
    throw undone(error);
  }
  if (deadline !== undefined) deadline.wrote = true;
  await request(parts, "commit", () => session.commit());
  return result;
}

async function markOf(parts: TransactionParts, session: Session<unknown>): Promise<Mark> {
  const mark = await request(parts, "mark", () => session.mark!());
  return { keep: () => request(parts, "keep", () => mark.keep()), undo: () => request(parts, "undo", () => mark.undo()) };
}

/** Ends the waiting for work whose time is over, so that what it holds is given back. */
function untilEnded<T>(deadline: Deadline | undefined, work: Promise<T>): Promise<T> {
  if (deadline === undefined) return work;
  const { signal } = deadline;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** A request of the transaction's own; its error says which. */
async function request<T>(
  { pool, trace }: Pick<TransactionParts, "pool" | "trace">,
  verb: string,
  work: () => Promise<T>,
  count?: (result: T) => Numbers,
): Promise<T> {
  try {
    return await pool.request({ verb }, { trace }, work, count);
  } catch (error) {
    throw pool.error(error, { verb: verb === "commit" ? verb : "transaction" });
  }
}

/** On an overlay; then applies what it wrote if every row that it read is as it was. */
async function runBatch<T>(parts: TransactionParts, work: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
  const { pool, options, deadline, openOverlay, trace } = parts;
  const overlay = await openOverlay(pool);
  const { isolation = "default" } = options;
  const transaction = openTransactionOf({
    pool,
    isolation,
    signal: deadline?.signal,
    target: undefined,
    overlay,
    mark: () => overlay.mark(),
    session: undefined,
    trace,
  });
  try {
    const result = await untilEnded(deadline, work(transaction)).catch((error: unknown) => {
      throw undone(error);
    });
    await endTransaction(transaction);
    const changes = await overlay.changes();
    const isWrite = changes.some(({ before, after }) => !sameRow(before, after));
    // One that only reads is checked too where it must be as if no other ran beside it: its reads came one after another.
    if (isWrite || (isolation === "serializable" && changes.length > 1)) {
      if (deadline !== undefined && isWrite) deadline.wrote = true;
      noteTouched(parts, changes);
      await commit(parts, changes);
    }
    return result;
  } finally {
    await endTransaction(transaction);
    await overlay.close();
  }
}

function noteTouched({ touched, cachedOf }: TransactionParts, changes: readonly RowChange[]): void {
  if (touched === undefined) return;
  for (const { table, key, before, after } of changes) {
    const cached = sameRow(before, after) ? undefined : cachedOf(table.name);
    if (cached !== undefined) touched.add(cached, key);
  }
}

async function commit(parts: TransactionParts, changes: readonly RowChange[]): Promise<void> {
  const { pool, deadline } = parts;
  const place = { verb: "commit" };
  const refusal = refusalOfPlaces(pool, changes);
  if (refusal !== undefined) throw pool.error(refusal, place);
  // Their claims are rows of another table, which the overlay does not have.
  const claiming =
    pool.capabilities.unique === "claims"
      ? changes.find(({ table, before, after }) => table.uniques.length > 0 && !sameRow(before, after))
      : undefined;
  if (claiming !== undefined) {
    const message = `a transaction cannot write ${claiming.table.name}: this driver enforces no unique values (capability unique); write its rows by calls of their own`;
    throw pool.error(new DbError("unsupported", message, { table: claiming.table.name, detail: { capability: "unique" } }), place);
  }
  const send = (): Promise<boolean> => pool.driver.commit!(changes, deadline?.signal);
  const isApplied = await request(parts, "commit", send, (applied) => ({ affected: applied ? changes.length : 0 }));
  if (!isApplied)
    throw pool.error(new DbError("limited", "a row of the transaction was changed by others meanwhile; nothing was done"), place);
}

/** Why an engine does not take these rows together: too many, or not where they must lie. */
function refusalOfPlaces({ capabilities, driver }: Pool, changes: readonly RowChange[]): DbError | undefined {
  const { rows = Infinity, within = "database" } = capabilities.atomic ?? {};
  const detail = { capability: "atomic" };
  if (changes.length > rows) {
    const message = `a transaction takes at most ${rows} rows, this one has ${changes.length}, those that it read among them; split it`;
    return new DbError("too-large", message, { detail });
  }
  if (within === "database") return undefined;
  const places = new Set(
    changes.map(({ table, key }) =>
      within === "slot" ? (driver.slotOf?.(table) ?? table.name) : `${table.name} ${typeof key[0]} ${String(key[0])}`,
    ),
  );
  if (places.size <= 1) return undefined;
  const must = within === "slot" ? "in tables that lie in one slot" : "of one table and with one hash key";
  const message = `the rows of a transaction must be ${must} (capability atomic), those of this one lie in ${places.size} places; split it`;
  return new DbError("unsupported", message, { detail });
}

function sameRow(a: Values | undefined, b: Values | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.every((value, i) => sameStored(value, b[i]!));
}

function sameStored(a: Value, b: Value): boolean {
  if (typeof a !== "object" || a === null) return Object.is(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  return JSON.stringify(a) === JSON.stringify(b);
}
