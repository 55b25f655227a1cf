import type { Prepared } from "../compile/prepared.js";
import type { Reply, Values } from "../driver.js";
import { invalid } from "../errors.js";
import { checkKey } from "../normalize/row.js";
import { valuesOf } from "../present/presenter.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { getReader } from "./get-reader.js";
import { cachedRows, readCached } from "./get-cached.js";
import { includesOf } from "./include.js";
import type { KeyedReadOptions, ReadOptions } from "./options.js";

export function getRow(
  bound: BoundTable,
  context: CallContext,
  key: unknown,
  options?: KeyedReadOptions,
): Row | undefined | Promise<Row | undefined> {
  if (bound.cached !== undefined || options?.cached === true) {
    const cached = cachedRows(bound, context, options);
    if (cached !== undefined) return readCached(bound, cached, context, [checkKey(bound.rules, key)], options).then((rows) => rows[0]);
  }
  const values = bound.encodeKey(checkKey(bound.rules, key));
  const { scope } = bound;
  if (scope !== undefined) values.push(...scope.encode(context.scopeValues));
  if (options?.include !== undefined) return getIncluding(bound, context, values, options);
  const reader = getReader(bound, options);
  const reply = bound.pool.send(reader.prepared, values, context);
  return reply instanceof Promise ? reply.then((done) => reader.present(done, context)) : reader.present(reply, context);
}

async function getIncluding(bound: BoundTable, context: CallContext, key: Values, options: ReadOptions): Promise<Row | undefined> {
  return (await readIncluding(bound, context, [key], options))[0];
}

/** Rows by key with what is included in them; undefined for missing ones. */
async function readIncluding(
  bound: BoundTable,
  context: CallContext,
  keys: readonly Values[],
  options: ReadOptions,
): Promise<readonly (Row | undefined)[]> {
  const includes = await includesOf(bound.table, context, options.include, options.consistent);
  const { prepared, present, columns } = getReader(bound, options, includes.needs);
  const needed = valuesOf(bound.codec, columns, includes.needs);
  const replies = await readEach(bound, context, prepared, keys);
  const rows = replies.map((reply) => present(reply, context));
  const found = rows.flatMap((row, i) => (row === undefined ? [] : [{ row, values: needed(replies[i]!.rows[0]!) }]));
  await includes.addTo(
    found.map(({ row }) => row),
    found.map(({ values }) => values),
    context,
  );
  return rows;
}

/** Many rows by key, in the order asked, missing ones left out; a key that is asked twice twice. */
export async function listRows(bound: BoundTable, context: CallContext, keys: unknown, options?: KeyedReadOptions): Promise<Row[]> {
  if (!Array.isArray(keys)) throw invalid("list takes an array of keys");
  const cached = cachedRows(bound, context, options);
  if (cached !== undefined) {
    const checked = Array.from(keys, (key: unknown) => checkKey(bound.rules, key));
    return (await readCached(bound, cached, context, checked, options)).filter((row) => row !== undefined);
  }
  const guards = bound.scope?.encode(context.scopeValues) ?? [];
  const encoded = Array.from(keys, (key: unknown) => [...bound.encodeKey(checkKey(bound.rules, key)), ...guards]);
  if (options?.include !== undefined) return (await readIncluding(bound, context, encoded, options)).filter((row) => row !== undefined);
  const reader = getReader(bound, options);
  const replies = await readEach(bound, context, reader.prepared, encoded);
  return replies.map((reply) => reader.present(reply, context)).filter((row) => row !== undefined);
}

/** Outside of a transaction gets of one tick are gathered anyway, with those of other calls; inside there is nobody else. */
async function readEach(bound: BoundTable, context: CallContext, prepared: Prepared, keys: readonly Values[]): Promise<readonly Reply[]> {
  const { pool } = bound;
  const { target } = context;
  if (target === undefined || target.explains === true) return Promise.all(keys.map(async (key) => pool.send(prepared, key, context)));
  const places = new Map<string, number>();
  const distinct: Values[] = [];
  const placeOf = keys.map((key) => {
    const text = textOf(key);
    const known = places.get(text);
    if (known === undefined) places.set(text, distinct.push(key) - 1);
    return known ?? distinct.length - 1;
  });
  const replies = distinct.length === 0 ? [] : await pool.readMany(prepared, distinct, context);
  return placeOf.map((place) => replies[place]!);
}

/** Equal for equal values. */
function textOf(values: Values): string {
  return JSON.stringify(values.map((value) => (typeof value === "bigint" ? `${value}n` : [value])));
}
