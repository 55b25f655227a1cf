// Requests to the endpoints of modules.

import { withoutSecrets } from "@bk/auth";
import type { Call, Caller, Endpoint, EventStream, HookRequest, ModuleHost } from "@bk/modules";
import type { Hono } from "hono";

import { badRequest, forbidden, notFound, replyHeaders, replyTooLarge, wrongMethod } from "../error-response.js";
import { eventsReply } from "../events/send-events.js";
import { hookRequest } from "../hooks/hook-request.js";
import { privateNames } from "../hooks/private-names.js";
import { jsonReply } from "../json-reply.js";
import { filled } from "../locales/locales.js";
import { rawTarget } from "../request/check-frame.js";
import { type Field, type Fields, fieldsOf, readInput, readJsonBody } from "../request/fields.js";
import { parseJson } from "../request/json.js";
import { askingApp, parseVersion } from "../request/version.js";
import { begin, beginNames } from "../routes/begin.js";
import type { LoginContext } from "../routes/login-context.js";
import { flagOf, jsonWithCookie } from "../routes/login-parts.js";
import type { ServerContext, ServerEnv, ServerRequest } from "../routes/server-context.js";
import { moduleCaller } from "./caller.js";
import type { Found } from "./endpoint-map.js";
import { readMultipart } from "./multipart.js";
import { otherBodyOf, readOtherBody } from "./other-body.js";
import { type Given, readValues } from "./read-values.js";

/** Serves what the modules have; other paths go on. */
export function endpointRoutes(app: Hono<ServerEnv>, server: ServerContext, login: LoginContext | undefined): void {
  const { endpoints, limits } = server;
  if (endpoints.all.length === 0) return;
  app.use(async (context, next) => {
    const found = context.get("found");
    if (found === undefined) return next();
    const begins: Asking | undefined = found.served.endpoint.givesSessions === true && login !== undefined ? {} : undefined;
    const call = await callOf(context, found, server, begins);
    const reply = await found.served.endpoint.answer(call);
    if (reply instanceof Response) return withHeaders(reply);
    if (isStream(reply)) {
      context.set("events", reply);
      return eventsReply();
    }
    const change = server.hooks.has("postProcess") ? changing(server, found, hookRequest(context, server), call.caller) : undefined;
    const shown = change === undefined ? reply : await change(reply);
    if (begins?.fields === undefined) return jsonReply(textOf(shown, limits.maxReplyBytes));
    return withBegun(context, server, login!, begins.fields, shown);
  });
}

/** What is asked to begin, once the request was read. */
interface Asking {
  fields?: Fields;
}

/** The reply, with a session or token for the caller. */
async function withBegun(
  context: ServerRequest,
  server: ServerContext,
  login: LoginContext,
  fields: Fields,
  reply: unknown,
): Promise<Response> {
  const [name] = fields.keys();
  if (typeof reply !== "object" || reply === null || Array.isArray(reply))
    throw badRequest(`${name} goes with the own account alone`, name);
  const { members, cookie } = await begin(context, server, login, {
    session: flagOf(fields, "_session"),
    token: flagOf(fields, "_accesstoken"),
  });
  return jsonWithCookie(textOf({ ...reply, ...members }, server.limits.maxReplyBytes), cookie);
}

/** Takes what is asked to begin out of what is given. @throws HttpError 400 for what is no flag */
function takeBegins(given: Given, begins: Asking): Given {
  const isBegin = ([name]: readonly [string, unknown]): boolean => (beginNames as readonly string[]).includes(name);
  const asked = new Map([...given.fields].filter(isBegin));
  if (asked.size === 0) return given;
  for (const name of asked.keys()) flagOf(asked, name);
  begins.fields = asked;
  return { ...given, fields: new Map([...given.fields].filter((field) => !isBegin(field))) };
}

async function callOf(context: ServerRequest, { served, rest }: Found, server: ServerContext, begins: Asking | undefined): Promise<Call> {
  const { limits, accounts, addressOf, watchRefusal } = server;
  const { endpoint } = served;
  if (endpoint.method !== undefined && context.req.method !== endpoint.method)
    throw wrongMethod(context.req.method, [endpoint.method], "path");
  const allowed = context.get("allowed");
  const caller = moduleCaller(allowed.account);
  requireCaller(endpoint, caller);
  const takesJson = endpoint.body !== undefined;
  const upload = context.get("upload");
  const all =
    takesJson || upload !== undefined ? queryOf(context, limits) : await givenOf(context, endpoint.maxBodyBytes !== undefined, limits);
  const given = begins === undefined ? all : takeBegins(all, begins);
  const { values, columns, filter } = readValues(served, given, caller, server);
  const type = context.req.header("content-type") ?? "";
  const isOther = takesJson && otherBodyOf(endpoint, type) !== undefined && context.get("body").length > 0;
  const other = isOther ? await readOtherBody(type, context.get("body"), limits.maxParameters) : undefined;
  return {
    id: context.get("requestId"),
    caller,
    values: values as Call["values"],
    columns,
    filter,
    files: other?.files ?? given.files,
    upload: await upload?.stored(),
    body: takesJson && !isOther ? readJsonBody(type, context.get("body"), limits) : undefined,
    otherBody: other?.sent,
    parseJson: (text, what, field) => parseJson(text, limits.maxJsonDepth, what, field),
    rest: decodePath(rest),
    method: context.req.method,
    url: rawTarget(context),
    headers: context.req.raw.headers,
    source: allowed.source,
    address: addressOf(context),
    version: context.get("version")?.text,
    phrase: (text, ...args) => context.get("phrase")?.(text, args).text ?? filled(text, args),
    get app() {
      return askingApp(rawTarget(context), context.req.raw.headers);
    },
    again: callerAgain(accounts, caller),
    // Asking for it makes a whole Request of what Node received, which few endpoints need.
    get signal() {
      return context.req.raw.signal;
    },
    whenRefused: watchRefusal(allowed, context.env?.fromSocket?.onRefused),
  };
}

/** It is kept by replies that go on for long, and so holds nothing else of the request. */
function callerAgain(accounts: ServerContext["accounts"], { id, login }: Caller): Call["again"] {
  return async () => {
    const account = id === "" ? undefined : await accounts.findByLogin(login);
    return account?.id === id ? moduleCaller(withoutSecrets(account)) : undefined;
  };
}

/** The rules see to it as well; an app may have opened the path. */
function requireCaller({ who }: Endpoint, caller: Caller): void {
  if (who === "admin" && !caller.isAdmin) throw forbidden("this is for admins");
  if (who === "account" && caller.id === "") throw forbidden("this is for accounts");
}

/** What endpoints are dispatched by, once modules have started. */
export type Dispatching = Pick<ServerContext, "endpoints" | "hooks" | "secrets" | "limits" | "readControls">;

/** Calls endpoints for the caller of another one. */
export function dispatcher(dispatchedBy: () => Dispatching): ModuleHost["dispatch"] {
  return async (path, values, call, ofForm) => {
    const server = dispatchedBy();
    const found = server.endpoints.find(path, call.version === undefined ? undefined : parseVersion(call.version));
    if (found === undefined) throw notFound(`nothing is served at ${path.slice(0, 80)}`);
    const { endpoint } = found.served;
    const { id, caller, headers, address, signal, source } = call;
    const request = { id, method: "POST", path, url: path, headers, address, signal };
    await server.hooks.checkWithin(request, caller, source);
    requireCaller(endpoint, caller);
    const takesJson = endpoint.body !== undefined;
    const files = ofForm ?? noFiles;
    const given: Given = { fields: takesJson ? new Map() : ofForm === undefined ? fieldsOf(values) : fieldsOfForm(values), files };
    const read = readValues(found.served, given, caller, server);
    const reply = await endpoint.answer({
      ...call,
      ...(read as Pick<Call, "values" | "columns" | "filter">),
      files,
      upload: undefined,
      body: takesJson ? values : undefined,
      otherBody: undefined,
      rest: found.rest,
      method: "POST",
      url: path,
    });
    const change = reply instanceof Response || isStream(reply) ? undefined : changing(server, found, request, caller);
    return change === undefined ? reply : change(reply);
  };
}

/** Texts are read as those of a form are. */
function fieldsOfForm(values: Readonly<Record<string, unknown>>): Map<string, Field> {
  return new Map(Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? { text: value } : { json: value }]));
}

/** What hooks do with the rows of a reply; undefined where they do nothing. */
function changing(
  { hooks, secrets }: Pick<ServerContext, "hooks" | "secrets">,
  { served }: Found,
  request: HookRequest,
  caller: Caller,
): ((reply: unknown) => Promise<unknown>) | undefined {
  const change = hooks.changeRows(request, caller, () => privateNames(secrets, served.rowsOf, caller.isAdmin));
  if (change === undefined) return undefined;
  return async (reply) => {
    // As it would be sent; what it is made of may be others' to read.
    const own = JSON.parse(JSON.stringify(reply ?? {})) as unknown;
    await change(rowsIn(own));
    return own;
  };
}

/** The rows of a reply: of a page, of a list, or the one that it is. */
function rowsIn(reply: unknown): readonly object[] {
  const data = (reply as { readonly data?: unknown } | null)?.data;
  const rows = Array.isArray(reply) ? (reply as unknown[]) : Array.isArray(data) ? (data as unknown[]) : [reply];
  return rows.filter((row): row is object => typeof row === "object" && row !== null && !Array.isArray(row));
}

function queryOf(context: ServerRequest, limits: ServerContext["limits"]): Given {
  return { fields: readInput(context.get("allowed").query, "", undefined, limits).fields, files: noFiles };
}

const noFiles: Given["files"] = new Map();

async function givenOf(context: ServerRequest, takesFiles: boolean, limits: ServerContext["limits"]): Promise<Given> {
  const { query } = context.get("allowed");
  const type = context.req.header("content-type") ?? "";
  const body = context.get("body");
  if (takesFiles && body.length > 0 && /^multipart\/form-data\s*(;|$)/i.test(type)) {
    const { fields, files } = await readMultipart(body, type, limits.maxParameters);
    for (const [name, field] of queryOf(context, limits).fields) {
      if (fields.has(name) || files.has(name)) throw badRequest(`${name.slice(0, 50)} is given in the query and in the form`, name);
      fields.set(name, field);
    }
    return { fields, files };
  }
  const { fields, array } = readInput(query, type, body, limits);
  if (array !== undefined) throw badRequest("the body must be a JSON object");
  return { fields, files: noFiles };
}

function decodePath(rest: string): string {
  if (!rest.includes("%")) return rest;
  try {
    return decodeURIComponent(rest);
  } catch {
    throw badRequest("the path has a malformed percent escape, or text that is not UTF-8");
  }
}

/** JSON has no functions: nothing else has one of this name. */
function isStream(reply: unknown): reply is EventStream {
  return typeof (reply as Partial<EventStream> | null | undefined)?.begin === "function";
}

function textOf(reply: unknown, maxBytes: number): string {
  const text = JSON.stringify(reply ?? {});
  if (text.length > maxBytes) throw replyTooLarge(maxBytes);
  return text;
}

/** A reply of bytes is never taken for another type than is said, nor kept unless the module says so. */
function withHeaders(reply: Response): Response {
  for (const [name, value] of Object.entries(replyHeaders)) if (!reply.headers.has(name)) reply.headers.set(name, value);
  return reply;
}
