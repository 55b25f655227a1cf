// The operations of a better-auth adapter, on a database or in a transaction.

import type { AdapterFactoryCustomizeAdapterCreator, CleanedWhere, CustomAdapter } from "better-auth/adapters";

import { AuthError } from "../errors.js";
import type { Calls, Row } from "./calls.js";
import { joinColumns, joined, type JoinReader } from "./joins.js";
import { nextSerial, noteSerial } from "./serial.js";
import { type FieldKind, filterOf, keyIn } from "./where.js";

type Schema = Parameters<AdapterFactoryCustomizeAdapterCreator>[0];

/** Most rows of one request. */
const pageRows = 1000;

/** Rows that are looked at together when one of those that match is to be changed. */
const candidateRows = 10;

/**
 * The operations. Filters that no index serves read the whole table (`scan`): better-auth asks by such filters only where few rows are, or an admin waits.
 *
 * @param pool  of the database, where it has several
 */
export function operationsOn(calls: Calls, pool: string | undefined, { options, getFieldName, getFieldAttributes }: Schema): CustomAdapter {
  const isSerial = options.advanced?.database?.generateId === "serial";

  const kindsOf =
    (model: string) =>
    (field: string): FieldKind => {
      const { type, bigint, references } = getFieldAttributes({ model, field });
      const isId = field === "id" || references?.field === "id";
      return { type: isSerial && isId ? "number" : type, isInteger: bigint === true || (isSerial && isId) };
    };
  const filter = (model: string, where: readonly CleanedWhere[]): Row => filterOf(where, kindsOf(model));

  const columnsOf = (model: string, select: readonly string[] | undefined, more: readonly string[] = []): string[] | undefined =>
    select === undefined || select.length === 0
      ? undefined
      : [...new Set([...select.map((field) => getFieldName({ model, field })), ...more])];

  async function rowsOf(
    table: string,
    filter: Row,
    {
      limit,
      offset = 0,
      select,
      sort,
    }: { limit: number; offset?: number; select?: readonly string[] | undefined; sort?: string | undefined },
  ): Promise<Row[]> {
    const rows: Row[] = [];
    let start: string | undefined;
    // Rows that are skipped are counted by their keys alone.
    for (let skip = offset; skip > 0;) {
      const page = await calls.select(table, filter, { pool, select: ["id"], sort, count: Math.min(skip, pageRows), start, scan: true });
      if (page.next === undefined) return rows;
      skip -= page.rows.length;
      start = page.next;
    }
    while (rows.length < limit) {
      const count = Math.min(limit - rows.length, pageRows);
      const page = await calls.select(table, filter, { pool, select, sort, count, start, scan: true });
      rows.push(...page.rows);
      if (page.next === undefined) break;
      start = page.next;
    }
    return rows;
  }

  const readJoined: JoinReader = (table, column, values, limit) =>
    rowsOf(table, { [column]: values.length === 1 ? { $eq: values[0] } : { $in: values } }, { limit });

  /**
   * Does something to the first row that matches and still does when it is done: the filter is its guard. A row that was changed meanwhile did not match at
   * that moment, so the next one is tried.
   */
  async function first(
    model: string,
    table: string,
    where: readonly CleanedWhere[],
    act: (id: unknown, guard: Row | undefined) => Promise<Row | undefined>,
  ): Promise<Row | null> {
    const key = keyIn(where, kindsOf(model));
    if (key !== undefined) {
      const others = where.filter(({ field, operator, value }) => field !== "id" || operator !== "eq" || value !== key);
      return (await act(key, others.length === 0 ? undefined : filter(model, others))) ?? null;
    }
    const matching = filter(model, where);
    let start: string | undefined;
    do {
      const page = await calls.select(table, matching, { pool, select: ["id"], count: candidateRows, start, scan: true });
      for (const { id } of page.rows) {
        const row = await act(id, where.length === 0 ? undefined : matching);
        if (row !== undefined) return row;
      }
      start = page.next;
    } while (start !== undefined);
    return null;
  }

  async function change(
    model: string,
    table: string,
    where: readonly CleanedWhere[],
    changes: Row,
    ops?: Readonly<Record<string, "incr">>,
  ): Promise<Row | null> {
    const { id: newId, ...others } = changes;
    return first(model, table, where, async (id, guard) => {
      if (newId !== undefined && newId !== id) throw cannotChangeId(table);
      const settings = { pool, returning: "new" as const, ...(guard && { where: guard }), ...(ops && { ops }) };
      return (await unlessTaken(table, calls.update(table, { ...others, id }, settings))).row;
    });
  }

  // The types of rows are those that the caller names: nothing here can check them.
  const given = <T>(row: Row | null): T | null => row as T | null;

  return {
    async create({ model: table, data }) {
      let row: Row = data;
      if (isSerial) {
        const { id } = data as { id?: unknown };
        if (typeof id === "number") await noteSerial(calls, table, id, pool);
        else row = { ...data, id: await nextSerial(calls, table, pool) };
      }
      return (await unlessTaken(table, calls.add(table, row, { pool, returning: "new" }))).row as typeof data;
    },

    async findOne({ model: table, modelKey: model = table, where, select, join }) {
      const columns = columnsOf(model, select, joinColumns(join));
      const key = where.length === 1 ? keyIn(where, kindsOf(model)) : undefined;
      const row =
        key === undefined
          ? (await rowsOf(table, filter(model, where), { limit: 1, select: columns }))[0]
          : await calls.get(table, { id: key }, { pool, select: columns });
      return given(row === undefined ? null : (await joined([row], join, readJoined))[0]!);
    },

    async findMany<T>({
      model: table,
      modelKey: model = table,
      where = [],
      limit,
      select,
      sortBy,
      offset,
      join,
    }: Parameters<CustomAdapter["findMany"]>[0]) {
      const sort = sortBy && (sortBy.direction === "desc" ? "-" : "") + getFieldName({ model, field: sortBy.field });
      const columns = columnsOf(model, select, joinColumns(join));
      const rows = await rowsOf(table, filter(model, where), { limit, offset: offset ?? 0, select: columns, sort });
      return (await joined(rows, join, readJoined)) as T[];
    },

    count: ({ model: table, modelKey: model = table, where = [] }) => calls.count(table, filter(model, where), everyRow(where)),

    // Of no condition at all better-auth wants no row.
    update: async ({ model: table, modelKey: model = table, where, update }) =>
      where.length === 0 ? null : given(await change(model, table, where, update as Row)),

    async updateMany({ model: table, modelKey: model = table, where, update }) {
      const { id, ...changes } = update as Row;
      if (id !== undefined) throw cannotChangeId(table);
      if (Object.keys(changes).length === 0) return calls.count(table, filter(model, where), everyRow(where));
      return (await unlessTaken(table, calls.updateAll(table, filter(model, where), changes, everyRow(where)))).affected;
    },

    async delete({ model: table, modelKey: model = table, where }) {
      if (where.length === 0) return;
      const key = where.length === 1 ? keyIn(where, kindsOf(model)) : undefined;
      if (key === undefined) await calls.delAll(table, filter(model, where), everyRow(where));
      else await calls.del(table, { id: key }, { pool });
    },

    deleteMany: async ({ model: table, modelKey: model = table, where }) =>
      (await calls.delAll(table, filter(model, where), everyRow(where))).affected,

    consumeOne: async ({ model: table, modelKey: model = table, where }) =>
      given(
        await first(model, table, where, async (id, guard) => {
          const settings = { pool, returning: "old" as const, ...(guard && { where: guard }) };
          return (await calls.del(table, { id }, settings)).row;
        }),
      ),

    async incrementOne({ model: table, modelKey: model = table, where, increment, set }) {
      const ops = Object.fromEntries(Object.keys(increment).map((column) => [column, "incr" as const]));
      return given(await change(model, table, where, { ...set, ...increment }, ops));
    },
  };

  function everyRow(where: readonly CleanedWhere[]): { pool: string | undefined; scan?: true; all?: true } {
    return where.length === 0 ? { pool, all: true } : { pool, scan: true };
  }
}

function cannotChangeId(table: string): AuthError {
  return new AuthError("unsupported", `the id of a row of ${table} cannot be changed: it is the key of the row`, {
    detail: { field: "id" },
  });
}

/** Plugins of better-auth know by these words that a unique value is taken. */
async function unlessTaken<T>(table: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!(error instanceof Error) || (error as { code?: unknown }).code !== "already-exists") throw error;
    throw new AuthError("already-exists", `duplicate entry in ${table}: ${error.message}`, { outcome: "none", cause: error });
  }
}
