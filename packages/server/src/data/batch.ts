// Many writes in one request.

import { badRequest, errorBody, notFound } from "../error-response.js";
import { fieldsOf } from "../request/fields.js";
import type { ControlName, ReadControls } from "./controls.js";
import type { ServedCalls, ServedDb } from "./served-db.js";
import type { Caller, ServedTable } from "./served-table.js";
import { type Together, togetherIn, type WriteCall, write, writeCalls } from "./writes.js";

export interface BatchRequest {
  readonly items: unknown;
  readonly isAtomic: boolean;
  readonly maxItems: number;
}

/** What a batch needs of the data API. */
export interface BatchHome {
  readonly db: ServedDb;
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly readControls: ReadControls;
  readonly onFault: (error: unknown) => void;
}

/**
 * Carries out writes in order: `{ op, table, row }`, for `del` `{ op, table, key }`, each with the control parameters of its
 * call beside them (`_returning`, `_ops` …).
 *
 * @returns a page with `{ affected, row? }` or `{ status, message, code }` for each item; `isAtomic`: all or an error
 */
export async function runBatch(home: BatchHome, caller: Caller, { items, isAtomic, maxItems }: BatchRequest): Promise<object> {
  if (!Array.isArray(items)) throw badRequest("batch takes a JSON list of items { op, table, row }, or an object with items");
  if (items.length > maxItems) throw badRequest(`a batch has at most ${maxItems} items`);
  const runs = (items as unknown[]).map((item, i) => prepare(home, caller, item, i));
  const data = isAtomic ? await allOrNone(home.db, runs) : await eachAlone(home, runs, caller.isAdmin);
  return { count: data.length, data };
}

type Run = (calls: ServedCalls, together: Together) => Promise<object>;

function prepare({ tables, readControls }: BatchHome, caller: Caller, item: unknown, i: number): Run {
  if (typeof item !== "object" || item === null || Array.isArray(item)) throw badRequest(`item ${i} must be an object { op, table, row }`);
  const { op, table: name, row, key, ...rest } = item as Record<string, unknown>;
  if (!(writeCalls as readonly unknown[]).includes(op)) throw badRequest(`item ${i}: op must be one of ${writeCalls.join(", ")}`);
  const call = op as WriteCall;
  const table = typeof name === "string" ? tables.get(name) : undefined;
  if (table === undefined) throw notFound(`item ${i}: unknown table`);
  const values = call === "del" ? key : row;
  const wanted = call === "del" ? "key" : "row";
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw badRequest(`item ${i}: ${wanted} must be an object of columns`);
  if ((call === "del" ? row : key) !== undefined) throw badRequest(`item ${i}: ${call} takes ${wanted}`);
  const controls = new Map<ControlName, unknown>(Object.entries(rest) as [ControlName, unknown][]);
  const asked = { table, caller, fields: fieldsOf(values), controls: readControls(call, controls) };
  return (calls, together) => write(calls, call, asked, together);
}

async function allOrNone(db: ServedDb, runs: readonly Run[]): Promise<object[]> {
  return db.transaction(async (tx) => {
    const results: object[] = [];
    for (const run of runs) results.push(await run(tx, (work) => work(tx)));
    return results;
  });
}

async function eachAlone({ db, onFault }: BatchHome, runs: readonly Run[], atOnce: boolean): Promise<object[]> {
  const alone = (run: Run): Promise<object> =>
    run(db, togetherIn(db)).catch((error: unknown) => {
      const body = errorBody(error);
      if (body.status >= 500) onFault(error);
      return body;
    });
  // Started in order without waiting, the database sends them together and keeps the order of writes to one row.
  if (atOnce) return Promise.all(runs.map(alone));
  // Writes of others than admins may read first; one after the other they keep their order too.
  const results: object[] = [];
  for (const run of runs) results.push(await alone(run));
  return results;
}
