// Many writes in one request.

import { badRequest, errorBody, notFound, replyTooLarge } from "../error-response.js";
import { fieldsOf } from "../request/fields.js";
import { type ControlName, type DataLimits, ofItem, type ReadControls } from "./controls.js";
import { type JsonText, ReplyRows } from "./reply-rows.js";
import type { ServedCalls, ServedDb } from "./served-db.js";
import type { Caller, ServedTable } from "./served-table.js";
import { type Together, togetherIn, type WriteCall, write, writeCalls } from "./writes.js";

export interface BatchRequest {
  readonly items: unknown;
  readonly isAtomic: boolean;
}

/** What a batch needs of the data API. */
export interface BatchHome {
  readonly db: ServedDb;
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly readControls: ReadControls;
  readonly limits: DataLimits;
  readonly onFault: (error: unknown) => void;
}

/**
 * Carries out writes in order: `{ op, table, row }`, for `del` `{ op, table, key }`, each with the control parameters of its
 * call beside them (`_returning`, `_ops` …).
 *
 * Once the rows that are given back fill a reply, further items are refused with `too-large` before anything is done.
 *
 * @returns a page with `{ affected, row? }` or `{ status, message, code }` for each item; `isAtomic`: all or an error
 */
export async function runBatch(home: BatchHome, caller: Caller, { items, isAtomic }: BatchRequest): Promise<JsonText> {
  const { maxItems, maxReplyBytes } = home.limits;
  if (!Array.isArray(items)) throw badRequest("batch takes a JSON list of items { op, table, row }, or an object with items", "items");
  if (items.length > maxItems) throw badRequest(`a batch has at most ${maxItems} items`, "items");
  const runs = (items as unknown[]).map((item, i) => {
    try {
      return prepare(home, caller, item);
    } catch (error) {
      throw ofItem(i, error);
    }
  });
  const reply = isAtomic ? await allOrNone(home.db, runs, maxReplyBytes) : await eachAlone(home, runs, caller.isAdmin);
  return reply.page(undefined);
}

interface Run {
  readonly givesRow: boolean;
  readonly run: (calls: ServedCalls, together: Together) => Promise<object>;
}

function prepare({ tables, readControls, limits }: BatchHome, caller: Caller, item: unknown): Run {
  if (typeof item !== "object" || item === null || Array.isArray(item)) throw badRequest("must be an object { op, table, row }");
  const { op, table: name, row, key, ...rest } = item as Record<string, unknown>;
  if (!(writeCalls as readonly unknown[]).includes(op)) throw badRequest(`op must be one of ${writeCalls.join(", ")}`);
  const call = op as WriteCall;
  const table = typeof name === "string" ? tables.get(name) : undefined;
  if (table === undefined) throw notFound("unknown table");
  const values = call === "del" ? key : row;
  const wanted = call === "del" ? "key" : "row";
  if (typeof values !== "object" || values === null || Array.isArray(values)) throw badRequest(`${wanted} must be an object of columns`);
  if ((call === "del" ? row : key) !== undefined) throw badRequest(`${call} takes ${wanted}`);
  const controls = new Map<ControlName, unknown>(Object.entries(rest) as [ControlName, unknown][]);
  const asked = { table, tables, caller, fields: fieldsOf(values), controls: readControls(call, controls), limits };
  return {
    givesRow: asked.controls._returning !== undefined,
    run: (calls, together) => write(calls, call, asked, together),
  };
}

function allOrNone(db: ServedDb, runs: readonly Run[], maxReplyBytes: number): Promise<ReplyRows> {
  return db.transaction(async (tx) => {
    const reply = new ReplyRows(maxReplyBytes);
    for (const { run } of runs) reply.add(await run(tx, (work) => work(tx)));
    return reply;
  });
}

async function eachAlone({ db, limits, onFault }: BatchHome, runs: readonly Run[], isAdmin: boolean): Promise<ReplyRows> {
  const reply = new ReplyRows(limits.maxReplyBytes);
  const alone = ({ run }: Run): Promise<object> =>
    run(db, togetherIn(db)).catch((error: unknown) => {
      const body = errorBody(error);
      if (body.status >= 500) onFault(error);
      return body;
    });
  // Started in order without waiting, the database sends them together and keeps the order of writes to one row.
  if (isAdmin && !runs.some(({ givesRow }) => givesRow)) {
    for (const result of await Promise.all(runs.map(alone))) reply.addWritten(result);
    return reply;
  }
  // Writes of others than admins may be several; one after the other they keep their order too, and rows that come back are counted.
  for (const each of runs)
    reply.addWritten(reply.isFull && each.givesRow ? errorBody(replyTooLarge(limits.maxReplyBytes)) : await alone(each));
  return reply;
}
