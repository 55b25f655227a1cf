// The OpenAPI 3.1 document, made from the schemas that validate requests.

import * as z from "zod";

import { controlSchemas, controlsOf, type ControlName, type DataCall, type DataLimits } from "../data/controls.js";
import { writeCalls } from "../data/writes.js";

type Json = Readonly<Record<string, unknown>>;

const summaries: Readonly<Record<DataCall, string>> = {
  get: "One row by its key",
  list: "Rows by their keys, in the order asked; missing ones are left out",
  select: "A page of the rows that a filter matches",
  search: "A page of the rows that have the words of a text",
  count: "How many rows a filter matches",
  add: "Inserts a row",
  put: "Inserts a row or replaces the whole of it",
  update: "Changes the given columns of a row",
  incr: "Adds to numeric columns of a row, atomically",
  del: "Deletes a row",
};

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const reply = (description: string, schema: Json): Json => ({ description, content: { "application/json": { schema } } });
const errors: Json = { "4XX": { $ref: "#/components/responses/Error" }, "5XX": { $ref: "#/components/responses/Error" } };

const resultOf: Readonly<Record<DataCall, string>> = {
  get: "Row",
  list: "Page",
  select: "Page",
  search: "Page",
  count: "Count",
  add: "Written",
  put: "Written",
  update: "Written",
  incr: "Written",
  del: "Written",
};

/** Builds the document. */
export function openApiDocument(limits: DataLimits, version: string): Json {
  const controls = controlSchemas(limits);
  const schemaOf = (name: ControlName): Json => {
    const { $schema: _dialect, ...schema } = z.toJSONSchema(controls[name], { io: "input" }) as Record<string, unknown>;
    return schema;
  };
  const paths: Record<string, Json> = {
    "/ping": {
      get: {
        operationId: "ping",
        summary: "Whether the server runs",
        security: [],
        responses: { "200": reply("It does", { type: "object" }) },
      },
    },
    "/auth": {
      get: {
        operationId: "auth",
        summary: "The signed account, without its secrets",
        responses: { "200": reply("The account", { type: "object" }), ...errors },
      },
    },
    "/data/columns": {
      get: {
        operationId: "allColumns",
        summary: "Columns of every table that the account sees",
        responses: { "200": reply("Definitions by table and column", { type: "object" }), ...errors },
      },
    },
    "/data/columns/{table}": {
      get: {
        operationId: "columns",
        summary: "Columns of a table that the account sees",
        parameters: [{ $ref: "#/components/parameters/table" }],
        responses: { "200": reply("Definitions by column", { type: "object" }), ...errors },
      },
    },
    "/data/keys/{table}": {
      get: {
        operationId: "keys",
        summary: "Primary key columns in order",
        parameters: [{ $ref: "#/components/parameters/table" }],
        responses: { "200": reply("Names", { type: "array", items: { type: "string" } }), ...errors },
      },
    },
    "/data/batch": { post: batchOperation },
  };
  for (const call of Object.keys(controlsOf) as DataCall[]) paths[`/data/${call}/{table}`] = operations(call);
  return {
    openapi: "3.1.0",
    info: {
      title: "bk-server",
      version,
      description:
        "Tables over HTTP. Every request but /ping and this document is signed (`bk-signature`). Calls take any method; parameters come in the query, a form or a JSON body.",
    },
    security: [{ signature: [] }],
    paths,
    components: {
      securitySchemes: {
        signature: { type: "apiKey", in: "header", name: "bk-signature", description: "HMAC of the request; made anew for each one." },
      },
      parameters: {
        table: {
          name: "table",
          in: "path",
          required: true,
          description: "A declared table.",
          schema: { type: "string", pattern: "^[A-Za-z][A-Za-z0-9_]*$" },
        },
        columns: {
          name: "columns",
          in: "query",
          style: "form",
          explode: true,
          description: "Columns of the table: `col=1`, with an operator `col_$gt=1`.",
          schema: { type: "object", additionalProperties: true },
        },
        ...Object.fromEntries((Object.keys(controls) as ControlName[]).map((name) => [name, queryParameter(name, schemaOf(name))])),
      },
      schemas: {
        ...sharedSchemas,
        ...Object.fromEntries((Object.keys(controlsOf) as DataCall[]).map((call) => [`${call}Body`, bodySchema(call, schemaOf)])),
      },
      responses: { Error: reply("What went wrong", ref("Error")) },
    },
  };
}

/** Structured values stand in a query as JSON text; lists between commas. */
function queryParameter(name: ControlName, schema: Json): Json {
  const { description, ...rest } = schema;
  const base = { name, in: "query", ...(description === undefined ? {} : { description }) };
  if (rest["type"] === "object" || name === "_keys") return { ...base, content: { "application/json": { schema: rest } } };
  return rest["type"] === "array" ? { ...base, style: "form", explode: false, schema: rest } : { ...base, schema: rest };
}

function bodySchema(call: DataCall, schemaOf: (name: ControlName) => Json): Json {
  return {
    type: "object",
    description: "Columns of the table and control parameters.",
    properties: Object.fromEntries(controlsOf[call].map((name) => [name, schemaOf(name)])),
    additionalProperties: true,
  };
}

function operations(call: DataCall): Json {
  const parameters = ["table", "columns", ...controlsOf[call]].map((name) => ({ $ref: `#/components/parameters/${name}` }));
  const responses = { "200": reply(summaries[call], ref(resultOf[call])), ...errors };
  const base = { summary: summaries[call], tags: [(writeCalls as readonly string[]).includes(call) ? "write" : "read"], responses };
  return {
    get: { operationId: `${call}ByQuery`, ...base, parameters },
    post: {
      operationId: call,
      ...base,
      parameters: parameters.slice(0, 1),
      requestBody: {
        content: {
          "application/json": { schema: ref(`${call}Body`) },
          "application/x-www-form-urlencoded": { schema: ref(`${call}Body`) },
        },
      },
    },
  };
}

const batchOperation: Json = {
  operationId: "batch",
  summary: "Many writes; with atomic all or none",
  tags: ["write"],
  requestBody: {
    required: true,
    content: { "application/json": { schema: { oneOf: [{ type: "array", items: ref("BatchItem") }, ref("Batch")] } } },
  },
  responses: { "200": reply("A result for each item, in order", ref("Page")), ...errors },
};

const sharedSchemas: Json = {
  Row: { type: "object", description: "Columns that the account sees; null where absent.", additionalProperties: true },
  Page: {
    type: "object",
    required: ["count", "data"],
    properties: { count: { type: "integer" }, data: { type: "array", items: ref("Row") }, next_token: { type: "string" } },
  },
  Count: { type: "object", required: ["count"], properties: { count: { type: "integer" } } },
  Written: { type: "object", required: ["affected"], properties: { affected: { type: "integer" }, row: ref("Row") } },
  Error: {
    type: "object",
    required: ["status", "message", "code"],
    properties: { status: { type: "integer" }, message: { type: "string" }, code: { type: "string" } },
  },
  BatchItem: {
    type: "object",
    required: ["op", "table"],
    properties: { op: { enum: [...writeCalls] }, table: { type: "string" }, row: ref("Row"), key: ref("Row") },
    additionalProperties: true,
  },
  Batch: {
    type: "object",
    required: ["items"],
    properties: { items: { type: "array", items: ref("BatchItem") }, atomic: { type: "boolean" } },
  },
};
