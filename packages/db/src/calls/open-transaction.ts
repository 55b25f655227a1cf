import { DbError, withOutcome } from "../errors.js";
import type { Target } from "../execute/call.js";
import { InFlight } from "../execute/in-flight.js";
import type { Pool } from "../execute/pool.js";
import { RowOrder } from "../execute/row-order.js";
import type { CallEvent } from "../execute/tracing.js";
import type { BoundTable } from "./bound-table.js";
import type { Touched } from "./cached-rows.js";
import type { RowChange, Session } from "../driver.js";

/** An open transaction: where the calls inside it go. */
export interface OpenTransaction {
  readonly pool: Pool;
  readonly isolation: "default" | "serializable";
  /** Ends with the time of the transaction. */
  readonly signal: AbortSignal | undefined;
  /** Interactive: the session's commands. */
  readonly target: Target | undefined;
  /** Batch: the overlay's rows. */
  readonly overlay: Overlay | undefined;
  /** The order of its writes on a table; calls outside have one of their own. */
  readonly orderOf: (bound: BoundTable) => RowOrder;
  /** Sets a mark, back to which `undo` takes what was written; undefined where the engine has none. */
  readonly mark: (() => Promise<Mark>) | undefined;
  /** Interactive: for statements of the app's own. */
  readonly session: Session<never> | undefined;
  /** The transaction as tracers know it. */
  readonly trace: CallEvent | undefined;
  /** What it writes of cached tables. */
  readonly touched?: Touched | undefined;
  /** Nested transactions run one after another: each undoes what was written since its own mark. */
  nested: Promise<unknown>;
  /** Set when the transaction has ended: later calls are refused. */
  over: boolean;
  /** Calls that are under way: the transaction ends after them. */
  readonly running: InFlight;
}

export interface Mark {
  keep(): Promise<void>;
  undo(): Promise<void>;
}

/** The rows that a batch transaction has read or written, in memory. */
export interface Overlay {
  /** The table on the overlay. */
  bound(real: BoundTable): BoundTable;
  /** Reads a row into the overlay, once; calls on the row may follow. */
  load(real: BoundTable, key: readonly unknown[], trace: CallEvent | undefined): Promise<void>;
  mark(): Promise<Mark>;
  /** Every row that was loaded, before and after. */
  changes(): Promise<RowChange[]>;
  close(): Promise<void>;
}

export function openTransactionOf(
  parts: Pick<OpenTransaction, "pool" | "isolation" | "signal" | "target" | "overlay" | "mark" | "session" | "trace" | "touched">,
): OpenTransaction {
  const orders = new Map<BoundTable, RowOrder>();
  const orderOf = (bound: BoundTable): RowOrder => {
    let order = orders.get(bound);
    if (order === undefined) orders.set(bound, (order = new RowOrder()));
    return order;
  };
  return { ...parts, orderOf, nested: Promise.resolve(), over: false, running: new InFlight() };
}

/** Refuses later calls, and waits for those that are under way: what answers is in the transaction. */
export async function endTransaction(transaction: OpenTransaction): Promise<void> {
  transaction.over = true;
  await transaction.running.whenIdle();
}

/** The error of work that was undone: nothing is done, whatever a call in it had done when it failed. */
export function undone(error: unknown): unknown {
  return error instanceof DbError && error.outcome !== "none" ? withOutcome(error, "none") : error;
}

/** Runs work inside a transaction that can be undone by itself. */
export async function runNested<T>(transaction: OpenTransaction, work: () => Promise<T>): Promise<T> {
  const { mark } = transaction;
  if (mark === undefined)
    throw new DbError("unsupported", "this driver has no transactions inside a transaction (capability savepoints)", {
      detail: { capability: "savepoints" },
    });
  const run = async (): Promise<T> => {
    const point = await mark();
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await point.undo();
      throw undone(error);
    }
    await point.keep();
    return result;
  };
  const before = transaction.nested;
  const turn = before.then(run, run);
  transaction.nested = turn.catch(() => undefined);
  return turn;
}
