// How rows are read by key: the command, and how its replies are shown. Made once for each selection.

import type { Prepared } from "../compile/prepared.js";
import { getShape } from "../compile/shapes.js";
import type { Reply } from "../driver.js";
import { parseSelect } from "../normalize/order.js";
import { splitFilter } from "../plan/evaluates.js";
import { presenterOf, rowTest } from "../present/presenter.js";
import { type Condition, conjuncts, isAlways, shifted, testsOf } from "../reference/condition.js";
import { hasExpired } from "../reference/expiry.js";
import { compileArrayDecoder } from "../schema/encodings.js";
import type { Column } from "../schema/table.js";
import type { BoundTable, Row } from "./bound-table.js";
import type { CallContext } from "./context.js";
import type { ReadOptions } from "./options.js";
import { refuseLate, seesAsked } from "./query.js";

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
  if (options?.consistent === true) refuseLate(bound, "get");
  const { defaultColumns, readable } = bound;
  if (options?.select === undefined && (defaultColumns === undefined || extra.length === 0))
    return bound.kept(consistent ? "get!" : "get", () => makeGetReader(bound, defaultColumns, consistent, []));
  const selected = options?.select === undefined ? defaultColumns! : parseSelect(readable, options.select);
  const more = extra.length === 0 ? "" : `+${extra.map(({ name }) => name).join(" ")}`;
  const key = `get${consistent ? "!" : ""} ${selected.map(({ name }) => name).join(" ")}${more}`;
  return bound.kept(key, () => makeGetReader(bound, selected, consistent, extra));
}

function makeGetReader(
  bound: BoundTable,
  selected: readonly Column[] | undefined,
  consistent: boolean,
  extra: readonly Column[],
): GetReader {
  const { table, codec, pool } = bound;
  const { ttl } = table;
  const { guard, residual } = guardOf(bound);
  const tested = residual === undefined ? [] : [...testsOf(residual)].map(({ column }) => column);
  const { columns, present: show } =
    selected === undefined
      ? { columns: table.columns, present: bound.decodeRow }
      : presenterOf(table, codec, selected, [...(ttl === undefined ? [] : [ttl]), ...tested, ...extra]);
  const prepared = pool.prepare(getShape(table, columns, consistent, guard === undefined ? {} : { guard }));
  const ttlAt = ttl === undefined ? -1 : columns.indexOf(ttl);
  const decodeTtl = ttl === undefined ? undefined : compileArrayDecoder([ttl], codec);
  const passes = residual === undefined ? undefined : rowTest(residual, codec, columns);
  const present = ({ rows: [row] }: Reply, context: CallContext): Row | undefined => {
    if (row === undefined) return undefined;
    if (decodeTtl !== undefined && hasExpired(decodeTtl([row[ttlAt]!])[0], context.now())) return undefined;
    if (passes !== undefined && !passes(row, context.scopeValues)) return undefined;
    return show(row);
  };
  return { prepared, columns, present };
}

/** What the engine asks of the row, its values behind the key, and what is left for the core, whose values begin at 0. */
function guardOf({ scope, table, pool }: BoundTable): { guard?: Condition; residual?: Condition | undefined } {
  if (scope === undefined) return {};
  const conditions = conjuncts(scope.visibleFrom(0));
  if (conditions.length === 0) return {};
  const { pushed, residual } = splitFilter(conditions, pool.capabilities);
  return isAlways(pushed) ? { residual } : { guard: shifted(pushed, table.key.length), residual };
}
