// The endpoints of modules in the OpenAPI document.

import type { Endpoint, Parameter, Parameters } from "@bk/modules";

import type { ServedEndpoint } from "../modules/endpoint-map.js";
import { versionName } from "../request/version.js";
import { flag } from "./openapi-login.js";
import { columnSchema, type Json } from "./openapi-tables.js";
import { pathItem } from "./openapi-path.js";

const errors: Json = { "4XX": { $ref: "#/components/responses/Error" }, "5XX": { $ref: "#/components/responses/Error" } };

/** The path of an endpoint, and what stands there. @param hasLogin  whether people log in at the server */
export function endpointPath({ endpoint, module, version, table }: ServedEndpoint, hasLogin: boolean): readonly [string, Json] {
  const { path, parameters = {}, columns } = endpoint;
  const isOpen = path.endsWith("/*");
  const taken = [...(table?.columns.values() ?? [])].filter(
    ({ name, definition }) =>
      definition.secure !== true &&
      definition.hidden !== true &&
      !Object.hasOwn(parameters, name) &&
      columns?.except?.includes(name) !== true &&
      (columns?.only === undefined || columns.only.includes(name)),
  );
  const properties: Record<string, Json> = {
    ...Object.fromEntries(taken.map((column) => [column.name, columnSchema(column)])),
    ...Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, parameterSchema(parameter)])),
  };
  if (endpoint.givesSessions === true && hasLogin) for (const [name, about] of begins) properties[name] = { ...flag, description: about };
  const required = requiredOf(parameters);
  const query = Object.entries(properties).map(([name, schema]) => queryParameter(name, schema, required.includes(name)));
  const body: Json = { type: "object", ...(required.length > 0 ? { required } : {}), properties, additionalProperties: false };
  const content = {
    "application/json": { schema: endpoint.body ?? body },
    ...(endpoint.body === undefined ? { "application/x-www-form-urlencoded": { schema: body } } : {}),
    ...(endpoint.maxBodyBytes === undefined ? {} : { "multipart/form-data": { schema: multipart(body, parameters) } }),
    ...Object.fromEntries(Object.entries(endpoint.otherBodies ?? {}).map(([type, { schema }]) => [type, { schema }])),
    ...(endpoint.maxUploadBytes === undefined ? {} : { "application/octet-stream": { schema: { type: "string", format: "binary" } } }),
  };
  const operation: Json = {
    summary: endpoint.summary,
    ...(version === undefined ? {} : { description: `Version ${version.text}.` }),
    tags: [module],
    ...(endpoint.who === "anybody" ? { security: [] } : endpoint.who === "anonymous" ? { security: [{}, { signature: [] }] } : {}),
    responses: { "200": replyOf(endpoint), ...errors },
  };
  const inPath = [
    ...(version === undefined ? [] : [{ $ref: `#/components/parameters/${versionName}` }]),
    ...(isOpen ? [{ name: "rest", in: "path", required: true, schema: { type: "string" } }] : []),
  ];
  const id = path
    .slice(1)
    .replace(/\/\*$/, "/below")
    .replaceAll(/\/(\w)/g, (_match, letter: string) => letter.toUpperCase());
  const at = isOpen ? `${path.slice(0, -1)}{rest}` : path;
  const hasBody = endpoint.body !== undefined || Object.keys(properties).length > 0;
  const inUrl = endpoint.body === undefined ? inPath : [...inPath, ...query];
  // Beside a file that is the body; in JSON and forms they are in the body as well.
  const besideFile = endpoint.maxUploadBytes === undefined ? [] : query.map((parameter) => ({ ...parameter, required: false }));
  const methodsTaken = endpoint.method === undefined ? undefined : [endpoint.method];
  return [at, pathItem(id, operation, [...inPath, ...query], [...inUrl, ...besideFile], hasBody ? { content } : undefined, methodsTaken)];
}

const begins = [
  ["_session", "1 begins a session in a cookie, 0 ends it"],
  ["_accesstoken", "1 gives an access token as `bk-access-token`"],
] as const;

function requiredOf(parameters: Parameters): string[] {
  return Object.entries(parameters)
    .filter(([, { required }]) => required === true)
    .map(([name]) => name);
}

function parameterSchema({ type = "text", min, max, pattern, values, about, default: byDefault }: Parameter): Json {
  const shared = {
    ...(about === undefined ? {} : { description: about }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
  };
  const text = {
    ...(values === undefined ? {} : { enum: values }),
    ...(pattern === undefined ? {} : { pattern: `^(?:${pattern.source})$` }),
  };
  switch (type) {
    case "text":
      return { type: "string", ...shared, ...text, ...(min === undefined ? {} : { minLength: min }), maxLength: max ?? 1000 };
    case "int":
    case "real":
      return {
        type: type === "int" ? "integer" : "number",
        ...shared,
        ...(min === undefined ? {} : { minimum: min }),
        ...(max === undefined ? {} : { maximum: max }),
      };
    case "bool":
      return { type: "boolean", ...shared };
    case "list":
      return {
        type: "array",
        ...shared,
        items: { type: "string", ...text },
        ...(min === undefined ? {} : { minItems: min }),
        maxItems: max ?? 100,
      };
    case "bytes":
      return { type: "string", contentEncoding: "base64", ...shared };
    case "json":
      return shared;
  }
}

function queryParameter(name: string, schema: Json, required: boolean): Json {
  const { description, ...rest } = schema;
  const base = { name, in: "query", ...(required ? { required } : {}), ...(description === undefined ? {} : { description }) };
  return rest["type"] === "array" ? { ...base, style: "form", explode: false, schema: rest } : { ...base, schema: rest };
}

/** In a form with files, bytes are files. */
function multipart(body: Json, parameters: Parameters): Json {
  const files = Object.entries(parameters)
    .filter(([, { type }]) => type === "bytes")
    .map(([name]) => [name, { type: "string", format: "binary" }]);
  return { ...body, properties: { ...(body["properties"] as Json), ...Object.fromEntries(files) } };
}

function replyOf({ summary, reply, otherReplies = [] }: Endpoint): Json {
  const content = typeof reply === "string" ? { [reply]: {} } : { "application/json": { schema: reply } };
  return { description: summary, content: { ...content, ...Object.fromEntries(otherReplies.map((type) => [type, {}])) } };
}
