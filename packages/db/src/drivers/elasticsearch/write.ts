// Writes of rows by key, alone or many at once: `_bulk`, of which every item has an outcome of its own.

import type { DeleteShape, MemberReply, PutShape, UpdateShape, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { isNever } from "../../reference/condition.js";
import type { Table } from "../../schema/table.js";
import { type ElasticCommand, noRows, oneDone, pick } from "./command.js";
import { changesOf, documentOf, idOf, type Source } from "./document.js";
import type { Engine } from "./engine.js";
import { isAliasOrNothing } from "./stored-index.js";
import { httpError } from "./transport.js";

/** One item of a `_bulk` and what its answer means. */
interface Write {
  readonly action: "index" | "create" | "update" | "delete";
  readonly id: string;
  /** Of the row that may be written; undefined: whichever it has. */
  readonly version?: Value | undefined;
  readonly body?: Source;
}

/** How often the server begins an update again that another one came before. */
const updateTries = 20;

export function compilePut(shape: PutShape): ElasticCommand {
  const { table, key, row, over, ifVersion } = shape;
  // An add is one that no row is replaced by.
  const isAdd = isNever(over);
  return compileWrite(shape, isAdd ? "create" : "index", (values) => {
    const version = ifVersion === undefined ? undefined : (values[ifVersion] ?? null);
    const id = idOf(pick(key, values));
    const body = documentOf(table.columns, pick(row, values));
    if (isAdd || version === null) return { action: "create", id, body };
    return { action: "index", id, version, body };
  });
}

export function compileUpdate(shape: UpdateShape): ElasticCommand {
  const { table, key, changes, insert, ifVersion } = shape;
  if (shape.target === "filter") throw new DbError("internal", "updates by filter are not claimed");
  const columns = changes.map(({ column }) => column);
  return compileWrite(shape, "update", (values) => {
    const doc = changesOf(
      columns,
      changes.map(({ op, slot }) => (op === "unset" || slot === undefined ? null : (values[slot] ?? null))),
    );
    const upsert = insert === undefined ? {} : { upsert: documentOf(table.columns, pick(insert, values)) };
    const version = ifVersion === undefined ? undefined : (values[ifVersion] ?? null);
    return { action: "update", id: idOf(pick(key, values)), version, body: { doc, ...upsert } };
  });
}

export function compileDelete(shape: DeleteShape): ElasticCommand {
  const { key, ifVersion } = shape;
  if (shape.target === "filter") throw new DbError("internal", "deletes by filter are not claimed");
  return compileWrite(shape, "delete", (values) => ({
    action: "delete",
    id: idOf(pick(key, values)),
    version: ifVersion === undefined ? undefined : (values[ifVersion] ?? null),
  }));
}

function compileWrite(
  { table, key, ifVersion, ...shape }: PutShape | UpdateShape | DeleteShape,
  action: Write["action"],
  writeOf: (values: Values) => Write,
): ElasticCommand {
  const runGroup = async (engine: Engine, group: readonly Values[], signal?: AbortSignal): Promise<readonly MemberReply[]> => {
    const writes = group.map(writeOf);
    const items = await bulk(engine, table, writes.map(linesOf).join(""), signal);
    return items.map((item, i) => replyOf(item, writes[i]!));
  };
  return {
    table: table.name,
    describe: (engine) => ({
      POST: `/${engine.nameOf(table)}/_bulk`,
      action,
      key: key.map((slot) => ({ slot })),
      ...(ifVersion === undefined ? {} : { version: { slot: ifVersion } }),
      ...("row" in shape ? { row: shape.row.map((slot) => ({ slot })) } : {}),
      ...("changes" in shape
        ? { changes: shape.changes.map(({ column, op, slot }) => ({ column: column.name, op, ...(slot === undefined ? {} : { slot }) })) }
        : {}),
      ...("insert" in shape && shape.insert !== undefined ? { insert: shape.insert.map((slot) => ({ slot })) } : {}),
    }),
    async run(engine, values, signal) {
      const [reply] = await runGroup(engine, [values], signal);
      if ("error" in reply!) throw reply.error;
      return reply!;
    },
    runGroup,
  };
}

function linesOf({ action, id, version, body }: Write): string {
  const parameters = {
    _id: id,
    ...(version === undefined ? (action === "update" ? { retry_on_conflict: updateTries } : {}) : versionParameters(version)),
  };
  const line = `${JSON.stringify({ [action]: parameters })}\n`;
  return body === undefined ? line : `${line}${JSON.stringify(body)}\n`;
}

/** A version that the server does not know is that of no row. */
function versionParameters(version: Value): object {
  const [term, number] = typeof version === "string" ? version.split(":").map(Number) : [];
  return { if_seq_no: number ?? 0, if_primary_term: term ?? Number.MAX_SAFE_INTEGER };
}

interface Item {
  readonly status: number;
  readonly result?: string;
  readonly error?: unknown;
}

function replyOf({ status, result, error }: Item, { action, version }: Write): MemberReply {
  if (error === undefined) return result === "not_found" ? noRows : oneDone;
  const native = httpError(status, { error });
  if (native.type === "document_missing_exception") return noRows;
  if (native.type === "version_conflict_engine_exception" && (action === "create" || version !== undefined)) return noRows;
  return { error: native };
}

/** Sends a `_bulk` whose items concern one table. */
async function bulk(engine: Engine, table: Table, body: string, signal: AbortSignal | undefined): Promise<readonly Item[]> {
  const name = engine.nameOf(table);
  const items = await sendBulk(engine, name, body, signal);
  if (engine.plain.has(name) || !items.every(isMissingAlias)) return items;
  // An index that somebody else made, or none at all.
  if (await isAliasOrNothing(engine, name, signal)) return items;
  engine.plain.add(name);
  return sendBulk(engine, name, body, signal);
}

async function sendBulk(engine: Engine, name: string, body: string, signal: AbortSignal | undefined): Promise<readonly Item[]> {
  const { refresh } = engine.options;
  const query = [
    // Else the server would make an index that is missing, with fields as it guesses them.
    ...(engine.plain.has(name) ? [] : ["require_alias=true"]),
    ...(refresh === "writes" ? ["refresh=true"] : refresh === "wait" ? ["refresh=wait_for"] : []),
  ].join("&");
  try {
    const answer = await engine.send<{ items: readonly Readonly<Record<string, Item>>[] }>(
      { method: "POST", path: `/${name}/_bulk`, query, body, isLines: true },
      signal,
    );
    return answer.items.map((item) => Object.values(item)[0]!);
  } finally {
    engine.fresh.wrote(name);
  }
}

function isMissingAlias({ error }: Item): boolean {
  return error !== undefined && httpError(404, { error }).type === "index_not_found_exception";
}
