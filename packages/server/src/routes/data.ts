// The data API: /data/<call>/<table>, /data/batch, /data/columns, /data/keys.

import type { Hono } from "hono";

import { runBatch } from "../data/batch.js";
import { controlsOf, type ControlName, type DataCall, scanControls } from "../data/controls.js";
import { reads, type Asked } from "../data/reads.js";
import { scanRows } from "../data/scan.js";
import { type ChangeRows, ReplyText } from "../data/reply-rows.js";
import { accessOf, type Caller, callerOf, isIn, type ServedTable } from "../data/served-table.js";
import { togetherIn, type WriteCall, write, writeCalls } from "../data/writes.js";
import { badRequest, notFound, replyHeaders } from "../error-response.js";
import { faultFields } from "../fault-fields.js";
import { hookRequest } from "../hooks/hook-request.js";
import { privateNames } from "../hooks/private-names.js";
import { jsonReply } from "../json-reply.js";
import { moduleCaller } from "../modules/caller.js";
import { type Field, readInput, type RequestInput } from "../request/fields.js";
import { version } from "../version.js";
import { batchHooks } from "./batch-hooks.js";
import { openApiDocument } from "./openapi.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";

/** One route for all: patterns that overlap would make the router the dearest part of a request. */
export function dataRoutes(app: Hono<ServerEnv>, server: ServerContext): void {
  app.all("/data/*", async (context) => {
    const [call = "", table, ...rest] = context.req.path.slice("/data/".length).split("/");
    if (rest.length > 0) throw notFound("nothing is served at this path");
    const other = Object.hasOwn(others, call) ? others[call] : undefined;
    if (call === "scan" && server.limits.maxScanRows > 0) return scan(context, server, table);
    const answer = other === undefined ? await answerCall(context, server, call, table) : await other(context, server, table);
    if (!(answer instanceof ReplyText)) return jsonReply(JSON.stringify(answer));
    return answer.headers === undefined
      ? jsonReply(answer.text)
      : new Response(answer.text, { headers: { ...replyHeaders, ...answer.headers } });
  });
}

async function answerCall(context: ServerRequest, server: ServerContext, name: string, tableName: string | undefined): Promise<object> {
  const { db, tables } = server;
  if (!Object.hasOwn(controlsOf, name)) {
    throw notFound(`unknown call ${JSON.stringify(name.slice(0, 50))}; there are ${Object.keys(controlsOf).join(", ")}`);
  }
  const call = name as DataCall;
  const table = tableNamed(tables, tableName);
  const change = changeOf(context, server, table);
  const asked = askedOf(call, table, callerIn(context, server), inputOf(context, server), server, change);
  if (!isWrite(call)) return reads[call](db, asked);
  const result = await write(db, call, asked, togetherIn(db));
  if (result.row !== undefined) await change?.([result.row]);
  return result;
}

/** The rows of a table, for admins, as they are read. */
async function scan(context: ServerRequest, server: ServerContext, name: string | undefined): Promise<Response> {
  const table = tableNamed(server.tables, name);
  const input = inputOf(context, server);
  for (const field of input.fields.keys())
    if (field.startsWith("_") && !(scanControls as readonly string[]).includes(field))
      throw badRequest(`unknown control parameter ${JSON.stringify(field.slice(0, 50))}; scan takes ${scanControls.join(", ")}`, field);
  const asked = askedOf("select", table, callerIn(context, server), input, server, changeOf(context, server, table));
  const rows = await scanRows(server.db, asked, {
    maxRows: server.limits.maxScanRows,
    signal: context.req.raw.signal,
    onFault: (error) => server.log.error("a scan broke off", { id: context.get("requestId"), ...faultFields(error) }),
  });
  return new Response(rows, { headers: { ...replyHeaders, "content-type": "application/x-ndjson" } });
}

/** What hooks do with rows of a table. */
function changeOf(context: ServerRequest, server: ServerContext, table: ServedTable): ChangeRows | undefined {
  const { hooks, secrets } = server;
  if (!hooks.has("postProcess")) return undefined;
  const caller = moduleCaller(context.get("allowed").account);
  return hooks.changeRows(hookRequest(context, server), caller, () => privateNames(secrets, table, caller.isAdmin));
}

function isWrite(call: DataCall): call is WriteCall {
  return (writeCalls as readonly string[]).includes(call);
}

type Answer = (context: ServerRequest, server: ServerContext, table: string | undefined) => Promise<object>;

/** What is not a call on the rows of one table. */
const others: Readonly<Record<string, Answer>> = {
  async columns(context, server, name) {
    nothingElse(inputOf(context, server), "columns");
    const caller = callerIn(context, server);
    if (name !== undefined) return columnsOf(tableNamed(server.tables, name), caller);
    return Object.fromEntries([...server.tables.values()].map((table) => [table.name, columnsOf(table, caller)]));
  },

  async keys(context, server, name) {
    nothingElse(inputOf(context, server), "keys");
    return tableNamed(server.tables, name).key;
  },

  async "openapi.json"(context, server, name) {
    if (name !== undefined) throw notFound("nothing is served at this path");
    nothingElse(inputOf(context, server), "openapi.json");
    return openApiDocument(server, version, { tables: server.tables, caller: callerIn(context, server) }, context.get("version"));
  },

  async batch(context, server, name) {
    if (name !== undefined) throw notFound("batch names its tables in its items");
    const { fields, array } = inputOf(context, server);
    const onFault = (error: unknown): void => server.log.error("batch item failed", faultFields(error));
    const request = batchOf(fields, array);
    const change = await batchHooks(context, server, request.items);
    return runBatch({ ...server, onFault, change }, callerIn(context, server), request);
  },
};

function inputOf(context: ServerRequest, { limits }: ServerContext): RequestInput {
  const { query } = context.get("allowed");
  return readInput(query, context.req.header("content-type") ?? "", context.get("body"), limits);
}

/** The signed account. The paths let nobody else come here, unless an app opens them, or rules of tables are for somebody without one. */
export function callerIn(context: ServerRequest, { rules }: Pick<ServerContext, "rules">): Caller {
  return callerOf(rules, context.get("allowed").account);
}

function tableNamed(tables: ReadonlyMap<string, ServedTable>, name: string | undefined): ServedTable {
  const table = tables.get(name ?? "");
  if (table === undefined) throw notFound(`unknown table ${JSON.stringify((name ?? "").slice(0, 50))}`);
  return table;
}

function askedOf(
  call: DataCall,
  table: ServedTable,
  caller: Caller,
  { fields, array }: RequestInput,
  { tables, readControls, limits }: ServerContext,
  change: ChangeRows | undefined,
): Asked {
  if (array !== undefined) throw badRequest("the body must be a JSON object");
  const columns = new Map<string, Field>();
  const controls = new Map<ControlName, unknown>();
  for (const [name, field] of fields) {
    if (name.startsWith("_")) controls.set(name as ControlName, "json" in field ? field.json : field.text);
    else columns.set(name, field);
  }
  return { table, tables, caller, fields: columns, controls: readControls(call, controls), limits, change };
}

function batchOf(fields: RequestInput["fields"], array: RequestInput["array"]): { items: unknown; isAtomic: boolean } {
  if (array !== undefined) {
    nothingElse({ fields, array: undefined }, "batch with a list");
    return { items: array, isAtomic: false };
  }
  for (const name of fields.keys())
    if (name !== "items" && name !== "atomic")
      throw badRequest(`batch: unknown parameter ${JSON.stringify(name.slice(0, 50))}; there are items and atomic`, name);
  const items = fields.get("items");
  const atomic = fields.get("atomic");
  if (items === undefined || !("json" in items))
    throw badRequest("batch takes a JSON body: a list of items { op, table, row }, or { items, atomic }", "items");
  const isAtomic = atomic === undefined ? false : "json" in atomic ? atomic.json : atomic.text === "true" || atomic.text === "1";
  if (typeof isAtomic !== "boolean") throw badRequest("atomic must be true or false", "atomic");
  return { items: items.json, isAtomic };
}

function nothingElse({ fields, array }: RequestInput, call: string): void {
  const [name] = fields.keys();
  if (name !== undefined || array !== undefined)
    throw badRequest(`${call} takes no parameters${name === undefined ? "" : `, such as ${JSON.stringify(name.slice(0, 50))}`}`, name);
}

/** The definitions of the columns that the caller may see. */
function columnsOf(table: ServedTable, caller: Caller): object {
  const { read } = accessOf(table, caller);
  const shown = [...table.columns.values()].filter((column) => read !== undefined && isIn(read.some, table, column.name));
  return Object.fromEntries(
    shown.map(({ name, type, definition }) => {
      // A check is code; its place in the reply would be empty.
      const { check: _check, ...plain } = definition;
      return [name, { ...plain, type }];
    }),
  );
}
