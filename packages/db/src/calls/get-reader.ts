// How rows are read by key: the command, and how its replies are shown. Made once for each selection.

import type { Prepared } from "../compile/prepared.js";
import { getShape } from "../compile/shapes.js";
import type { Reply } from "../driver.js";
import { parseSelect } from "../normalize/order.js";
import { presenterOf } from "../present/presenter.js";
import { hasExpired } from "../reference/expiry.js";
import { compileArrayDecoder } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { ReadOptions } from "./options.js";
import { seesAsked } from "./query.js";

export interface GetReader {
  readonly prepared: Prepared;
  /** Those that are fetched. */
  readonly columns: readonly Column[];
  readonly present: (reply: Reply, context: CallContext) => Row | undefined;
}

/** @param extra  columns that are fetched besides those that the caller selects */
export function getReader(
  bound: BoundTable,
  options: Pick<ReadOptions, "select" | "consistent"> | undefined,
  extra: readonly Column[] = [],
): GetReader {
  const consistent = options?.consistent === true && seesAsked(bound);
  if (options?.select === undefined) return bound.kept(consistent ? "get!" : "get", () => makeGetReader(bound, undefined, consistent, []));
  const names = parseSelect(bound.table, options.select);
  const more = extra.length === 0 ? "" : `+${extra.map(({ name }) => name).join(" ")}`;
  return bound.kept(`get${consistent ? "!" : ""} ${names.join(" ")}${more}`, () => makeGetReader(bound, names, consistent, extra));
}

function makeGetReader(bound: BoundTable, names: readonly string[] | undefined, consistent: boolean, extra: readonly Column[]): GetReader {
  const { table, codec, pool } = bound;
  const { ttl } = table;
  const { columns, present: show } =
    names === undefined
      ? { columns: table.columns, present: bound.decodeRow }
      : presenterOf(table, codec, names, ttl === undefined ? extra : [ttl, ...extra]);
  const prepared = pool.prepare(getShape(table, columns, consistent));
  const ttlAt = ttl === undefined ? -1 : columns.indexOf(ttl);
  const decodeTtl = ttl === undefined ? undefined : compileArrayDecoder([ttl], codec);
  const present = ({ rows: [row] }: Reply, context: CallContext): Row | undefined => {
    if (row === undefined) return undefined;
    if (decodeTtl !== undefined && hasExpired(decodeTtl([row[ttlAt]!])[0], context.now())) return undefined;
    return show(row);
  };
  return { prepared, columns, present };
}
