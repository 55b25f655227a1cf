// The OpenAPI 3.1 document, made from the schemas that validate requests.

import * as z from "zod";

import { controlSchemas, controlsOf, type ControlName, type DataCall, requiredControls, scanControls } from "../data/controls.js";
import { writeCalls } from "../data/writes.js";
import { type Version, versionName } from "../request/version.js";
import { endpointPath } from "./openapi-endpoints.js";
import { pathItem } from "./openapi-path.js";
import { loginPaths, loginSchemes } from "./openapi-login.js";
import type { ServerContext } from "./server-context.js";
import { anyTable, type Json, ref, schemasFor, type ServedTo, type TableSchemas } from "./openapi-tables.js";

const summaries: Readonly<Record<DataCall, string>> = {
  get: "One row by its key",
  list: "Rows by their keys, in the order asked; missing ones are left out",
  select: "A page of the rows that a filter matches",
  search: "A page of the rows that have the words of a text",
  count: "How many rows a filter matches",
  aggregate: "Numbers of rows, sums, averages, first and last values over the rows that a filter matches, by groups; a page of groups",
  add: "Inserts a row",
  put: "Inserts a row or replaces the whole of it",
  update: "Changes the given columns of a row",
  incr: "Adds to numeric columns of a row, atomically",
  del: "Deletes a row",
};

const reply = (description: string, schema: Json): Json => ({ description, content: { "application/json": { schema } } });
const errors: Json = { "4XX": { $ref: "#/components/responses/Error" }, "5XX": { $ref: "#/components/responses/Error" } };

/** What a call answers. `row` is the schema of the table's rows. */
function answerOf(call: DataCall, row: TableSchemas["row"]): Json {
  switch (call) {
    case "get":
      return row;
    case "select":
      return { anyOf: [pageOf(row), ref("Count")] };
    case "list":
      return pageOf(row);
    case "search":
      return pageOf(row, { highlights: { type: "array", items: ref("Highlights") } });
    case "count":
      return ref("Count");
    case "aggregate":
      return pageOf(ref("Group"));
    case "add":
    case "put":
    case "update":
    case "incr":
    case "del":
      return { type: "object", required: ["affected"], properties: { affected: { type: "integer" }, row } };
  }
}

function pageOf(row: Json, more: Readonly<Record<string, Json>> = {}): Json {
  return {
    type: "object",
    required: ["count", "data"],
    properties: { count: { type: "integer" }, data: { type: "array", items: row }, ...more, next_token: { type: "string" } },
  };
}

type Described = Pick<ServerContext, "limits" | "endpoints" | "people">;

/**
 * Builds the document.
 *
 * @param server  its limits, and what it serves beside the data API
 * @param served  the tables and who asks: each table with its calls and rows, as far as they see it. Without it the document
 *   names no table: it is for everybody.
 * @param asked  the version of the endpoints that it describes; default the newest
 */
export function openApiDocument({ limits, endpoints, people }: Described, version: string, served?: ServedTo, asked?: Version): Json {
  const controls = controlSchemas(limits);
  const names = Object.keys(controls) as ControlName[];
  const calls = Object.keys(controlsOf) as DataCall[];
  const schemaOf = (name: ControlName): Json => {
    const { $schema: _dialect, ...schema } = z.toJSONSchema(controls[name], { io: "input" }) as Record<string, unknown>;
    return schema;
  };
  const tables = served === undefined ? [anyTable] : schemasFor(served);
  const scans = limits.maxScanRows > 0 && served?.caller.isAdmin !== false;
  return {
    openapi: "3.1.0",
    info: { title: "bk-server", version, description: description(served !== undefined, people !== undefined) },
    servers: [{ url: "/" }],
    security: [{ signature: [] }, ...(people === undefined ? [] : [{ session: [] }, { token: [] }])],
    paths: {
      "/ping": plain("ping", "Whether the server runs", {}, { type: "object" }, []),
      "/health/live": plain("healthLive", "Whether the server runs", {}, { type: "object" }, []),
      "/health/ready": plain(
        "healthReady",
        "Whether it takes requests: its database answers, and it is not ending",
        errors,
        { type: "object" },
        [],
      ),
      "/auth": plain("auth", "The account that asks, without its secrets", errors, { type: "object" }),
      ...(people === undefined ? {} : loginPaths({ reply, errors, pathItem }, people)),
      "/data/openapi.json": plain("openapi", "This document, with the tables that the account sees", errors, { type: "object" }),
      "/data/columns": plain("allColumns", "Columns of every table that the account sees, by table", errors, { type: "object" }),
      "/data/batch": batchPath,
      ...Object.assign({}, ...tables.map((table) => pathsOf(table, calls, scans))),
      ...Object.fromEntries(endpoints.at(asked).map((endpoint) => endpointPath(endpoint, people !== undefined))),
    },
    components: {
      securitySchemes: {
        signature: { type: "apiKey", in: "header", name: "bk-signature", description: "HMAC of the request; made anew for each one." },
        ...(people === undefined ? {} : loginSchemes),
      },
      parameters: {
        ...(served === undefined ? { table: tableParameter } : {}),
        ...(endpoints.versions.length === 0 ? {} : { [versionName]: versionParameter(endpoints.versions, asked) }),
        ...Object.fromEntries(names.map((name) => [name, queryParameter(name, schemaOf(name))])),
      },
      schemas: {
        ...sharedSchemas,
        ...Object.assign({}, ...tables.map(({ components }) => components)),
        ...Object.fromEntries(calls.map((call) => [`${call}Controls`, controlsSchema(call, schemaOf)])),
      },
      responses: { Error: reply("What went wrong", ref("Error")) },
    },
  };
}

function description(isOwn: boolean, hasLogin: boolean): string {
  const tables = isOwn
    ? "The tables are those of the account that asked."
    : "`/data/openapi.json` has the tables too, as far as the account that signs sees them.";
  const signed = hasLogin
    ? "Every request but /ping, /health, /openapi.json, /login and /logout is signed (`bk-signature`), or has a session or an access token."
    : "Every request but /ping, /health and /openapi.json is signed (`bk-signature`).";
  return `Tables over HTTP. ${signed} Calls take any method; parameters come in the query, a form or a JSON body. ${tables}`;
}

const tableParameter: Json = {
  name: "table",
  in: "path",
  required: true,
  description: "A declared table.",
  schema: { type: "string", pattern: "^[A-Za-z][A-Za-z0-9_]*$" },
};

/** What the document says holds for one version. */
function versionParameter(versions: readonly Version[], asked: Version | undefined): Json {
  return {
    name: versionName,
    in: "header",
    required: asked !== undefined,
    description: `The newest version of the path runs that is not above it. There are ${versions.map(({ text }) => text).join(", ")}; this document asked for with ${versionName} describes each.`,
    schema: { type: "string", enum: [(asked ?? versions[0]!).text] },
  };
}

/** Structured values stand in a query as JSON text; lists between commas. */
function queryParameter(name: ControlName, schema: Json): Json {
  const { description, ...rest } = schema;
  const isRequired = Object.values(requiredControls).includes(name);
  const base = { name, in: "query", ...(isRequired ? { required: true } : {}), ...(description === undefined ? {} : { description }) };
  if (rest["type"] === "object" || name === "_keys") return { ...base, content: { "application/json": { schema: rest } } };
  return rest["type"] === "array" ? { ...base, style: "form", explode: false, schema: rest } : { ...base, schema: rest };
}

/** The control parameters of a call, as members of a body. */
function controlsSchema(call: DataCall, schemaOf: (name: ControlName) => Json): Json {
  const required = requiredControls[call];
  return {
    type: "object",
    ...(required === undefined ? {} : { required: [required] }),
    properties: Object.fromEntries(controlsOf[call].map((name) => [name, schemaOf(name)])),
  };
}

/** The paths of one table. */
function pathsOf(table: TableSchemas, calls: readonly DataCall[], scans: boolean): Record<string, Json> {
  const { name, components } = table;
  const at = name === undefined ? "{table}" : name;
  const inPath = name === undefined ? [{ $ref: "#/components/parameters/table" }] : [];
  const id = (call: string): string => (name === undefined ? call : `${call}_${name}`);
  const of = name === undefined ? "a table" : name;
  const paths: Record<string, Json> = {
    [`/data/columns/${at}`]: plain(id("columns"), `Columns of ${of} that the account sees`, errors, { type: "object" }, undefined, inPath),
    [`/data/keys/${at}`]: plain(
      id("keys"),
      `Primary key columns of ${of} in order`,
      errors,
      { type: "array", items: { type: "string" } },
      undefined,
      inPath,
    ),
  };
  for (const call of calls) {
    const isWrite = (writeCalls as readonly string[]).includes(call);
    const columns = table.columnsOf(call);
    if (isWrite ? columns === undefined : !table.reads) continue;
    const controls = controlsOf[call].map((control) => ({ $ref: `#/components/parameters/${control}` }));
    const own = columns === undefined ? [] : queryColumns(call, columns, components);
    const body = columns === undefined ? ref(`${call}Controls`) : { allOf: [ref(columns), ref(`${call}Controls`)] };
    paths[`/data/${call}/${at}`] = pathItem(
      id(call),
      {
        summary: summaries[call],
        tags: [isWrite ? "write" : "read"],
        responses: { "200": withForms(call, reply(summaries[call], answerOf(call, table.row))), ...errors },
      },
      [...inPath, ...own, ...controls],
      inPath,
      { content: { "application/json": { schema: body }, "application/x-www-form-urlencoded": { schema: body } } },
    );
  }
  const columns = table.columnsOf("select");
  if (scans && table.reads)
    paths[`/data/scan/${at}`] = pathItem(
      id("scan"),
      {
        summary: `All rows of ${of} that a filter matches, for admins, one a line; with more than the server sends, a last line has \`_next_token\``,
        tags: ["read"],
        responses: { "200": { description: "Rows", content: { "application/x-ndjson": { schema: { type: "string" } } } }, ...errors },
      },
      [
        ...inPath,
        ...(columns === undefined ? [] : queryColumns("select", columns, components)),
        ...scanControls.map((control) => ({ $ref: `#/components/parameters/${control}` })),
      ],
      inPath,
      undefined,
    );
  return paths;
}

/** Calls that take `_format` answer in other forms too. */
function withForms(call: DataCall, answer: Json): Json {
  if (!(controlsOf[call] as readonly ControlName[]).includes("_format")) return answer;
  const text: Json = { schema: { type: "string" } };
  const others = { "text/csv": text, "application/x-ndjson": text, "application/xml": text };
  return { ...answer, content: { ...(answer["content"] as Json), ...others } };
}

/** Key columns one by one; others as one object, whose members are parameters. */
function queryColumns(call: DataCall, schema: string, components: TableSchemas["components"]): Json[] {
  const { properties, required = [] } = (components[schema] ?? {}) as { properties?: Json; required?: readonly string[] };
  if ((call === "get" || call === "del") && properties !== undefined)
    return Object.entries(properties).map(([name, column]) => ({ name, in: "query", required: required.includes(name), schema: column }));
  return [
    {
      name: "columns",
      in: "query",
      required: required.length > 0 || schema === "AnyKey",
      style: "form",
      explode: true,
      description: "Columns of the table: `col=1`; in filters with an operator `col_$gt=1`.",
      schema: ref(schema),
    },
  ];
}

/** A path that takes no parameters but those in it. */
function plain(
  id: string,
  summary: string,
  failures: Json,
  schema: Json,
  security?: readonly unknown[],
  inPath: readonly Json[] = [],
): Json {
  const responses = { "200": reply(summary, schema), ...failures };
  return pathItem(id, { summary, ...(security === undefined ? {} : { security }), responses }, inPath, inPath, undefined);
}

const batchPath: Json = pathItem(
  "batch",
  {
    summary: "Many writes; with atomic all or none",
    tags: ["write"],
    responses: { "200": reply("A result for each item, in order", ref("BatchResults")), ...errors },
  },
  [],
  [],
  {
    required: true,
    content: { "application/json": { schema: { oneOf: [{ type: "array", items: ref("BatchItem") }, ref("Batch")] } } },
  },
);

const sharedSchemas: Json = {
  Row: { type: "object", description: "Columns that the account sees; null where absent.", additionalProperties: true },
  Count: { type: "object", required: ["count"], properties: { count: { type: "integer" } } },
  Highlights: {
    type: "object",
    description: "By column where its text has the words, as pairs of start and end in UTF-16 code units.",
    additionalProperties: { type: "array", items: { type: "array", items: { type: "integer", minimum: 0 }, minItems: 2, maxItems: 2 } },
  },
  Group: {
    type: "object",
    required: ["count"],
    description: "A group: its columns, the number of its rows, and a member for each of _sum, _avg, _min, _max.",
    properties: {
      count: { type: "integer" },
      ...Object.fromEntries(["by", "sum", "avg", "min", "max"].map((name) => [name, { type: "object", additionalProperties: true }])),
    },
    additionalProperties: false,
  },
  Operators: { type: "object", description: "Operators, as `{ $gt: 1, $lt: 9 }`.", additionalProperties: true },
  Error: {
    type: "object",
    required: ["status", "message", "code"],
    properties: {
      status: { type: "integer" },
      message: { type: "string", description: "For people; may change." },
      code: { type: "string", description: "For programs; stays." },
      field: { type: "string", description: "The parameter or column at fault, where it is one." },
    },
  },
  BatchItem: {
    type: "object",
    required: ["op", "table"],
    description: 'In an atomic batch a value may be `{ "$ref": "0.id" }`: the column `id` of the row that item 0 wrote.',
    properties: { op: { enum: [...writeCalls] }, table: { type: "string" }, row: ref("Row"), key: ref("Row") },
    additionalProperties: true,
  },
  Batch: {
    type: "object",
    required: ["items"],
    properties: { items: { type: "array", items: ref("BatchItem") }, atomic: { type: "boolean" } },
  },
  BatchResults: pageOf({
    anyOf: [{ type: "object", required: ["affected"], properties: { affected: { type: "integer" }, row: ref("Row") } }, ref("Error")],
  }),
};
