// The data API: /data/<call>/<table>, /data/batch, /data/columns, /data/keys.

import type { Hono } from "hono";

import { runBatch } from "../data/batch.js";
import { controlsOf, type ControlName, type DataCall } from "../data/controls.js";
import { reads, type Asked, type ReadCall } from "../data/reads.js";
import { type Caller, callerOf, reachOf, seenBy, type ServedTable } from "../data/served-table.js";
import { togetherIn, type WriteCall, write, writeCalls } from "../data/writes.js";
import { badRequest, notFound } from "../error-response.js";
import { type Field, readInput, type RequestInput } from "../request/fields.js";
import type { ServerContext, ServerEnv, ServerRequest } from "./server-context.js";

export function dataRoutes(app: Hono<ServerEnv>, server: ServerContext): void {
  const { db, tables, readControls } = server;

  app.all("/data/columns/:table?", (context) => {
    const caller = callerIn(context);
    nothingElse(inputOf(context, server), "columns");
    const name = context.req.param("table");
    if (name !== undefined) return context.json(columnsOf(tableNamed(tables, name), caller));
    return context.json(Object.fromEntries([...tables.values()].map((table) => [table.name, columnsOf(table, caller)])));
  });

  app.all("/data/keys/:table", (context) => {
    callerIn(context);
    nothingElse(inputOf(context, server), "keys");
    return context.json(tableNamed(tables, context.req.param("table")).key);
  });

  app.all("/data/batch", async (context) => {
    const { fields, array } = inputOf(context, server);
    const { items, isAtomic } = batchOf(fields, array);
    const home = { ...server, onFault: (error: unknown) => server.log.error("batch item failed", { error }) };
    return context.json(await runBatch(home, callerIn(context), { items, isAtomic, maxItems: server.limits.maxItems }));
  });

  app.all("/data/:call/:table", async (context) => {
    const call = context.req.param("call");
    if (!Object.hasOwn(controlsOf, call))
      throw notFound(`unknown call ${JSON.stringify(call.slice(0, 50))}; there are ${Object.keys(controlsOf).join(", ")}`);
    const table = tableNamed(tables, context.req.param("table"));
    const asked = askedOf(call as DataCall, table, callerIn(context), inputOf(context, server), readControls);
    const isWrite = (writeCalls as readonly string[]).includes(call);
    const answer = isWrite ? await write(db, call as WriteCall, asked, togetherIn(db)) : await reads[call as ReadCall](db, asked);
    return context.json(answer as object);
  });
}

function inputOf(context: ServerRequest, { limits }: ServerContext): RequestInput {
  const { query } = context.get("allowed");
  return readInput(query, context.req.header("content-type") ?? "", context.get("body"), limits);
}

/** The signed account. The rules let nobody else come to these paths, unless an app opens them: then there is no data. */
export function callerIn(context: ServerRequest): Caller {
  const { account } = context.get("allowed");
  return account === undefined ? nobody : callerOf(account);
}

const nobody: Caller = { id: "", login: "", isAdmin: false };

function tableNamed(tables: ReadonlyMap<string, ServedTable>, name: string): ServedTable {
  const table = tables.get(name);
  if (table === undefined) throw notFound(`unknown table ${JSON.stringify(name.slice(0, 50))}`);
  return table;
}

function askedOf(
  call: DataCall,
  table: ServedTable,
  caller: Caller,
  { fields, array }: RequestInput,
  readControls: ServerContext["readControls"],
): Asked {
  if (array !== undefined) throw badRequest("the body must be a JSON object");
  const columns = new Map<string, Field>();
  const controls = new Map<ControlName, unknown>();
  for (const [name, field] of fields) {
    if (name.startsWith("_")) controls.set(name as ControlName, "json" in field ? field.json : field.text);
    else columns.set(name, field);
  }
  return { table, caller, fields: columns, controls: readControls(call, controls) };
}

function batchOf(fields: RequestInput["fields"], array: RequestInput["array"]): { items: unknown; isAtomic: boolean } {
  if (array !== undefined) {
    nothingElse({ fields, array: undefined }, "batch with a list");
    return { items: array, isAtomic: false };
  }
  for (const name of fields.keys())
    if (name !== "items" && name !== "atomic")
      throw badRequest(`batch: unknown parameter ${JSON.stringify(name.slice(0, 50))}; there are items and atomic`);
  const items = fields.get("items");
  const atomic = fields.get("atomic");
  if (items === undefined || !("json" in items))
    throw badRequest("batch takes a JSON body: a list of items { op, table, row }, or { items, atomic }");
  const isAtomic = atomic === undefined ? false : "json" in atomic ? atomic.json : atomic.text === "true" || atomic.text === "1";
  if (typeof isAtomic !== "boolean") throw badRequest("atomic must be true or false");
  return { items: items.json, isAtomic };
}

function nothingElse({ fields, array }: RequestInput, call: string): void {
  const [name] = fields.keys();
  if (name !== undefined || array !== undefined)
    throw badRequest(`${call} takes no parameters${name === undefined ? "" : `, such as ${JSON.stringify(name.slice(0, 50))}`}`);
}

/** The definitions of the columns that the caller may see. */
function columnsOf(table: ServedTable, caller: Caller): object {
  const seen = seenBy(table, reachOf(table, caller));
  const shown = [...table.columns.values()].filter((column) => seen.has(column.name));
  return Object.fromEntries(
    shown.map(({ name, type, definition }) => {
      // A check is code; its place in the reply would be empty.
      const { check, ...plain } = definition;
      return [name, { ...plain, type }];
    }),
  );
}
