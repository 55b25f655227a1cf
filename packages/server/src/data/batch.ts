// Many writes in one request.

import { badRequest, errorBody, notFound, replyTooLarge } from "../error-response.js";
import { fieldsOf } from "../request/fields.js";
import { type BatchRef, refsIn, resolveRefs } from "./batch-refs.js";
import { type ControlName, type DataLimits, ofItem, type ReadControls } from "./controls.js";
import { type ChangeRows, type ReplyText, ReplyRows } from "./reply-rows.js";
import type { Row, ServedCalls, ServedDb, WriteResult } from "./served-db.js";
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
  /** What becomes of the results, once all is done. */
  readonly change?: ChangeRows | undefined;
}

/**
 * Carries out writes in order: `{ op, table, row }`, for `del` `{ op, table, key }`, each with the control parameters of its
 * call beside them (`_returning`, `_ops` …).
 *
 * Once the rows that are given back fill a reply, further items are refused with `too-large` before anything is done.
 *
 * In an atomic batch a value may be one that an earlier item makes: `{ "$ref": "0.id" }`.
 *
 * @returns a page with `{ affected, row? }` or `{ status, message, code }` for each item; `isAtomic`: all or an error
 */
export async function runBatch(home: BatchHome, caller: Caller, { items, isAtomic }: BatchRequest): Promise<ReplyText> {
  const { maxItems } = home.limits;
  if (!Array.isArray(items)) throw badRequest("batch takes a JSON list of items { op, table, row }, or an object with items", "items");
  if (items.length > maxItems) throw badRequest(`a batch has at most ${maxItems} items`, "items");
  const runs = (items as unknown[]).map((item, i) => {
    try {
      return prepare(home, caller, item, { at: i, isAtomic });
    } catch (error) {
      throw ofItem(i, error);
    }
  });
  const named = new Set(runs.flatMap(({ refs }) => [...(refs?.values() ?? [])].map(({ item }) => item)));
  for (const i of named)
    if (!runs[i]!.canTellRow)
      throw badRequest(`item ${i} is referred to by $ref, so it cannot be a del, or have _returning=old`, `items[${i}]`);
  const reply = isAtomic ? await allOrNone(home, runs, named) : await eachAlone(home, runs, caller.isAdmin);
  return reply.page(undefined);
}

type WrittenRows = readonly (Row | undefined)[];

interface Run {
  readonly givesRow: boolean;
  /** Whether other items may refer to the row that it writes. */
  readonly canTellRow: boolean;
  readonly refs: ReadonlyMap<string, BatchRef> | undefined;
  /** @param own  what it is told in an atomic batch: rows of the items before, and whether its own row is needed */
  readonly run: (
    calls: ServedCalls,
    together: Together,
    own?: { readonly rows: WrittenRows; readonly isNamed: boolean },
  ) => Promise<WriteResult>;
}

interface Place {
  readonly at: number;
  readonly isAtomic: boolean;
}

function prepare({ tables, readControls, limits }: BatchHome, caller: Caller, item: unknown, { at, isAtomic }: Place): Run {
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
  const refs = refsIn(table, values, at, isAtomic);
  const { _returning } = asked.controls;
  return {
    givesRow: _returning !== undefined,
    canTellRow: call !== "del" && _returning !== "old",
    refs,
    run(calls, together, own) {
      if (own === undefined || (refs === undefined && !own.isNamed)) return write(calls, call, asked, together);
      const fields = refs === undefined ? asked.fields : resolveRefs(asked.fields, refs, own.rows);
      const settings = own.isNamed ? { ...asked.controls, _returning: "new" as const } : asked.controls;
      return write(calls, call, { ...asked, fields, controls: settings }, together);
    },
  };
}

function allOrNone({ db, limits, change }: BatchHome, runs: readonly Run[], named: ReadonlySet<number>): Promise<ReplyRows> {
  return db.transaction(async (tx) => {
    const reply = new ReplyRows(limits.maxReplyBytes, 1, undefined, change);
    const rows: (Row | undefined)[] = [];
    for (const [i, { run, refs, givesRow }] of runs.entries()) {
      const own = { rows, isNamed: named.has(i) };
      const result = await run(tx, (work) => work(tx), own).catch((error: unknown) => {
        throw refs === undefined ? error : ofItem(i, error);
      });
      if (own.isNamed) rows[i] = result.row;
      reply.add(givesRow ? result : { affected: result.affected });
    }
    return reply;
  });
}

async function eachAlone({ db, limits, onFault, change }: BatchHome, runs: readonly Run[], isAdmin: boolean): Promise<ReplyRows> {
  const reply = new ReplyRows(limits.maxReplyBytes, 1, undefined, change);
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
