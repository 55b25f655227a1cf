// Rows that are read along: those that rows refer to, and those that refer to them. One request for each include of a
// page where the engine carries several reads in one.

import { deriveJoins } from "../normalize/derive-joins.js";
import { type Inclusion, parseInclude } from "../normalize/include.js";
import { checkCount } from "../normalize/order.js";
import { isPossibleKey, unknownColumn } from "../normalize/row.js";
import { snapshot } from "../normalize/snapshot.js";
import { valuesOf } from "../present/presenter.js";
import { allOf, type Condition } from "../reference/condition.js";
import type { Column, Kind, Table } from "../schema/table.js";
import { DbError } from "../errors.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { getReader } from "./get-reader.js";
import type { HookCall } from "./hooks.js";
import { firstRows } from "./first-rows.js";
import type { Includes } from "./page.js";
import { pageReader } from "./page-reader.js";
import { plannedQuery, type Query, readFilter, refuseQuery, withColumns } from "./query.js";
import { resolveRelated } from "./related.js";

/** The values of some columns of a row. */
type Tuple = readonly unknown[];

/** Reads one inclusion for rows; `values` as in {@link Includes}. Gives what stands in each of them. */
type Reading = (values: readonly Tuple[], context: CallContext) => Promise<readonly unknown[]>;

/**
 * Checks what is to be included, so that nothing is read where a part of it is refused.
 *
 * @throws DbError `invalid`; `scan-refused` and `unsupported` where a select of these rows is
 */
export async function includesOf(table: Table, context: CallContext, include: unknown, consistent: boolean | undefined): Promise<Includes> {
  const inclusions = parseInclude(table, snapshot(include), (name) => context.relate(name, context).bound.table);
  return prepare(table, context, inclusions, consistent);
}

async function prepare(
  table: Table,
  context: CallContext,
  inclusions: readonly Inclusion[],
  consistent: boolean | undefined,
): Promise<Includes> {
  for (const { kind, reference, table: target } of inclusions) mustSee(kind === "one" ? table : target, reference.columns, context);
  const needs = [...new Set(inclusions.flatMap(({ kind, reference }) => (kind === "one" ? reference.columns : table.key)))];
  const parts: { readonly inclusion: Inclusion; readonly read: Reading }[] = [];
  for (const inclusion of inclusions) {
    const make = inclusion.kind === "one" ? readerOfOne : readerOfMany;
    parts.push({ inclusion, read: await make(inclusion, needs, table, context, consistent) });
  }
  return {
    needs,
    async addTo(rows, values, own) {
      if (rows.length === 0) return;
      // All have ended before the call does: a transaction goes on with what comes next.
      const read = await Promise.allSettled(parts.map((part) => part.read(values, own)));
      parts.forEach(({ inclusion }, at) => {
        const result = read[at]!;
        if (result.status === "rejected") throw result.reason;
        rows.forEach((row, i) => (row[inclusion.name] = result.value[i]));
      });
    },
  };
}

/** @throws DbError `invalid` where the columns that refer are not seen within the scope */
function mustSee(table: Table, columns: readonly Column[], context: CallContext): void {
  if (context.scope === undefined) return;
  const { readable } = context.relate(table.name, context).bound;
  for (const column of columns) if (readable.byName.get(column.name) !== column) throw unknownColumn(readable, column.name);
}

/** The row that each row refers to; null where it refers to none, or to one that is missing. */
async function readerOfOne(
  { table: target, reference, options: { select }, nested }: Inclusion,
  needs: readonly Column[],
  _table: Table,
  context: CallContext,
  consistent: boolean | undefined,
): Promise<Reading> {
  const { bound: planned } = context.relate(target.name, context);
  await planned.pool.readyFor({ verb: "list", table: target });
  const inner = await prepare(target, context, nested, consistent);
  const reader = getReader(planned, { select, consistent }, inner.needs);
  const innerValues = valuesOf(planned.codec, reader.columns, inner.needs);
  const pick = picker(needs, reference.columns);

  return (values, from) => {
    const { bound, context: own, load } = from.relate(target.name, from);
    const { prepared, present } = getReader(bound, { select, consistent }, inner.needs);
    return inTable(bound, "list", async () => {
      const texts: (string | undefined)[] = [];
      const keys = new Map<string, Tuple>();
      for (const row of values) {
        const key = pick(row);
        const text = isPossibleKey(bound.rules, key) ? bound.rowText(bound.encodeKey(key)) : undefined;
        texts.push(text);
        if (text !== undefined) keys.set(text, key);
      }
      const distinct = [...keys.values()];
      const call = { verb: "list", keys: distinct.map((key) => keyObject(target.key, key)), options: { select, consistent } } as const;
      const result = new Array<Row | null>(values.length).fill(null);
      if (distinct.length === 0) return result;
      const guards = bound.scope?.encode(own.scopeValues) ?? [];
      await hooked(bound, own, call, async () => {
        for (const key of load === undefined ? [] : distinct) await load!(key);
        const replies = await bound.pool.readMany(
          prepared,
          distinct.map((key) => [...bound.encodeKey(key), ...guards]),
          own,
        );
        const replyOf = new Map([...keys.keys()].map((text, i) => [text, replies[i]!]));
        const found: Row[] = [];
        const foundValues: Tuple[] = [];
        texts.forEach((text, i) => {
          const reply = text === undefined ? undefined : replyOf.get(text)!;
          // Each row has an object of its own, which its caller may change.
          const row = reply && present(reply, own);
          if (row === undefined) return;
          result[i] = row;
          found.push(row);
          foundValues.push(innerValues(reply!.rows[0]!));
        });
        await inner.addTo(found, foundValues, own);
        return found;
      });
      return result;
    });
  };
}

/** The rows that refer to each row: at most `count`, in the order of `sort`. */
async function readerOfMany(
  { table: target, reference, options, nested }: Inclusion,
  needs: readonly Column[],
  table: Table,
  context: CallContext,
  consistent: boolean | undefined,
): Promise<Reading> {
  const { bound: planned, load } = context.relate(target.name, context);
  if (load !== undefined) throw notByKey(planned);
  await planned.pool.readyFor({ verb: "select", table: target });
  const inner = await prepare(target, context, nested, consistent);
  const { select, filter, sort, scan } = options;
  const pick = picker(needs, table.key);
  const wanted = checkCount(options.count);

  const queriesFor = (
    bound: BoundTable,
    own: CallContext,
    asked: Condition,
    given: readonly unknown[],
    keys: readonly Tuple[],
  ): Query[] => {
    const tests = reference.columns.map((column, i): Condition => ({ kind: "test", column, op: "eq", slots: [given.length + i] }));
    const whole = allOf([asked, ...tests]);
    return keys.map((key) => {
      const values = [...given, ...key];
      const condition = deriveJoins(target, whole, values);
      return withColumns(plannedQuery(bound, own, condition, values, { select, sort, consistent }), inner.needs);
    });
  };
  inTable(planned, "select", () => {
    const given: unknown[] = [];
    const asked = readFilter(planned, filter, given, undefined);
    refuseQuery(queriesFor(planned, context, asked, given, [table.key.map(({ kind }) => anyValue[kind])])[0]!, scan === true, true);
  });

  return (values, from) => {
    const { bound, context: own } = from.relate(target.name, from);
    return inTable(bound, "select", async () => {
      const keys = values.map(pick);
      const call = {
        verb: "select",
        filter: hookFilter(reference.columns, keys, filter),
        options: { ...options, consistent },
      } as const;
      const result: Row[][] = [];
      await hooked(bound, own, call, async () => {
        const given: unknown[] = [];
        const asked = await resolveRelated(bound, own, readFilter(bound, filter, given, undefined), given, { scan, consistent });
        const queries = queriesFor(bound, own, asked, given, keys);
        const pages = await firstRows(queries, own, wanted);
        const rows: Row[] = [];
        const innerValues: Tuple[] = [];
        pages.forEach((page, i) => {
          const { present, columns } = pageReader(queries[i]!).presenter;
          const read = valuesOf(bound.codec, columns, inner.needs);
          const shown = page.map((row) => present(row));
          result.push(shown);
          rows.push(...shown);
          for (const row of page) innerValues.push(read(row));
        });
        await inner.addTo(rows, innerValues, own);
        return { rows };
      });
      return result;
    });
  };
}

/** Values with which a query is planned before there are any. */
const anyValue: { readonly [kind in Kind]?: unknown } = { text: "x", int: 0, int64: 0n, time: new Date(0) };

/** Runs an inclusion as the hooks of its table see it: one call for all rows. */
async function hooked<T>(bound: BoundTable, { clock }: CallContext, call: Omit<HookCall, "table">, run: () => Promise<T>): Promise<void> {
  if (bound.hooks.none) await run();
  else await bound.hooks.around({ table: bound.table.name, ...call }, run, clock);
}

/** An error says in which table it was. */
function inTable<T>(bound: BoundTable, verb: "list" | "select", work: () => T): T {
  const failed = (error: unknown): never => {
    throw bound.pool.error(error, { verb, table: bound.table });
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(failed) as T) : result;
  } catch (error) {
    return failed(error);
  }
}

function picker(from: readonly Column[], columns: readonly Column[]): (values: Tuple) => Tuple {
  const places = columns.map((column) => from.indexOf(column));
  return (values) => places.map((place) => values[place]);
}

function keyObject(columns: readonly Column[], key: Tuple): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name }, i) => [name, key[i]]));
}

/** The filter of the rows that refer to any of these. */
function hookFilter(columns: readonly Column[], keys: readonly Tuple[], filter: unknown): unknown {
  const [column] = columns;
  const own =
    columns.length === 1 ? { [column!.name]: { $in: keys.map(([value]) => value) } } : { $or: keys.map((key) => keyObject(columns, key)) };
  return filter === undefined ? own : { $and: [own, filter] };
}

function notByKey({ pool, table }: BoundTable): DbError {
  const message =
    "rows that refer to others are not read by key, which a transaction of this driver needs (capability transactions); include them outside of it";
  return pool.error(new DbError("unsupported", message, { detail: { capability: "transactions" } }), { verb: "select", table });
}
