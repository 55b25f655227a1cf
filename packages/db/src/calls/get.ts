import type { Prepared } from "../compile/prepared.js";
import { getShape } from "../compile/shapes.js";
import type { Reply, Values } from "../driver.js";
import { invalid } from "../errors.js";
import { parseSelect } from "../normalize/order.js";
import { checkKey } from "../normalize/row.js";
import { presenterOf } from "../present/presenter.js";
import { hasExpired } from "../reference/expiry.js";
import { compileArrayDecoder } from "../schema/encodings.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { ReadOptions } from "./options.js";
import { seesAsked } from "./query.js";

export function getRow(
  bound: BoundTable,
  context: CallContext,
  key: unknown,
  options?: ReadOptions,
): Row | undefined | Promise<Row | undefined> {
  const values = bound.encodeKey(checkKey(bound.rules, key));
  const reader = getReader(bound, options);
  const reply = bound.pool.send(reader.prepared, values, context);
  return reply instanceof Promise ? reply.then((done) => reader.present(done, context)) : reader.present(reply, context);
}

/** Many rows by key, in the order asked, missing ones left out; a key that is asked twice twice. */
export async function listRows(bound: BoundTable, context: CallContext, keys: unknown, options?: ReadOptions): Promise<Row[]> {
  if (!Array.isArray(keys)) throw invalid("list takes an array of keys");
  const reader = getReader(bound, options);
  const encoded = Array.from(keys, (key: unknown) => bound.encodeKey(checkKey(bound.rules, key)));
  const read = async (values: Values): Promise<Reply> => bound.pool.send(reader.prepared, values, context);
  const replies = await Promise.all(encoded.map(read));
  return replies.map((reply) => reader.present(reply, context)).filter((row) => row !== undefined);
}

interface GetReader {
  readonly prepared: Prepared;
  readonly present: (reply: Reply, context: CallContext) => Row | undefined;
}

function getReader(bound: BoundTable, options: ReadOptions | undefined): GetReader {
  const consistent = options?.consistent === true && seesAsked(bound);
  if (options?.select === undefined) return bound.kept(consistent ? "get!" : "get", () => makeGetReader(bound, undefined, consistent));
  const names = parseSelect(bound.table, options.select);
  return bound.kept(`get${consistent ? "!" : ""} ${names.join(" ")}`, () => makeGetReader(bound, names, consistent));
}

function makeGetReader(bound: BoundTable, names: readonly string[] | undefined, consistent: boolean): GetReader {
  const { table, codec, pool } = bound;
  const { ttl } = table;
  const { columns, present: show } =
    names === undefined
      ? { columns: table.columns, present: bound.decodeRow }
      : presenterOf(table, codec, names, ttl === undefined ? [] : [ttl]);
  const prepared = pool.prepare(getShape(table, columns, consistent));
  const ttlAt = ttl === undefined ? -1 : columns.indexOf(ttl);
  const decodeTtl = ttl === undefined ? undefined : compileArrayDecoder([ttl], codec);
  const present = ({ rows: [row] }: Reply, context: CallContext): Row | undefined => {
    if (row === undefined) return undefined;
    if (decodeTtl !== undefined && hasExpired(decodeTtl([row[ttlAt]!])[0], context.now())) return undefined;
    return show(row);
  };
  return { prepared, present };
}
