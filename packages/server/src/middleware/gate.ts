// Who asks, and whether they may go on: verifies the signature of every request that is not to an open path.

import { type Allowed, cameFrom, type HashedBody, type Refusal, type RefusalNote } from "@bk/auth";
import { BkError } from "@bk/core";
import type { HookVerdict, Verdict } from "@bk/modules";
import type { MiddlewareHandler, Next } from "hono";

import { bodyResponse, HttpError, replyHeaders, wrongMethod } from "../error-response.js";
import type { HookFor } from "../hooks/hook-map.js";
import { hookRequest } from "../hooks/hook-request.js";
import { refusedBody } from "../hooks/run-hooks.js";
import { moduleCaller } from "../modules/caller.js";
import { otherBodyOf } from "../modules/other-body.js";
import { fileFor } from "../routes/files.js";
import { mayAskToBegin } from "../routes/begin.js";
import { bodyLimit, changesSomething, needsSecrets } from "../routes/auth-paths.js";
import { checkFrame, rawTarget } from "../request/check-frame.js";
import { methods } from "../request/methods.js";
import { hasBody, readBody } from "../request/read-body.js";
import type { Upload } from "../request/upload.js";
import { askedVersion, withoutVersion } from "../request/version.js";
import type { ServerContext, ServerEnv, ServerRequest } from "../routes/server-context.js";
import { refusalResponse } from "./refusal-response.js";

/** What is asked of a request before it may go on. */
interface Passing {
  readonly body: Uint8Array | HashedBody;
  readonly changes: boolean;
  readonly withSecrets: boolean;
  /** Its reply may go on and on. */
  readonly goesOn: boolean;
  /** A hook has opened it, or it is for a file. */
  readonly open: boolean;
}

/** What most requests do not wait for, such as hooks and bodies, is in functions of its own: each wait costs. */
export function gate(server: ServerContext): MiddlewareHandler<ServerEnv> {
  const { endpoints, hooks } = server;
  return (context, next) => {
    const request = context.req.raw;
    const target = rawTarget(context);
    checkFrame(target, context.env?.incoming?.rawHeaders);
    if (!(methods as readonly string[]).includes(request.method)) throw wrongMethod(request.method, methods);
    const { path } = context.req;
    const version = askedVersion(target, request.headers);
    if (version !== undefined) context.set("version", version);
    const found = endpoints.find(path, version);
    if (found !== undefined) context.set("found", found);
    const access = hooks.find("accessCheck", request.method, path);
    const mayBeFile = server.files !== undefined && found === undefined;
    return access === undefined && !mayBeFile ? enter(server, context, next, false) : decide(server, context, next, access);
  };
}

/** What is asked before credentials: hooks, and whether there is a file. */
async function decide(
  server: ServerContext,
  context: ServerRequest,
  next: Next,
  access: readonly HookFor<"accessCheck">[] | undefined,
): Promise<Response | undefined> {
  const decided = access === undefined ? undefined : await server.hooks.accessCheck(access, hookRequest(context, server));
  if (decided !== undefined && decided.status !== 200) return refusedByHook(context, decided);
  const file = context.get("found") === undefined ? await fileFor(context, server) : undefined;
  if (file !== undefined) context.set("file", file);
  return enter(server, context, next, decided !== undefined || file !== undefined);
}

/** @param open  a hook has opened it, or it is for a file */
function enter(server: ServerContext, context: ServerRequest, next: Next, open: boolean): Promise<Response | undefined> {
  const request = context.req.raw;
  const endpoint = context.get("found")?.served.endpoint;
  const upload = endpoint?.maxUploadBytes === undefined ? undefined : server.uploads.of(request, endpoint.maxUploadBytes);
  if (upload !== undefined) return passUpload(server, context, next, upload, open);
  return hasBody(request) ? passBody(server, context, next, open) : passWith(server, context, next, noBody, open);
}

const noBody = new Uint8Array();

async function passBody(server: ServerContext, context: ServerRequest, next: Next, open: boolean): Promise<Response | undefined> {
  const { path, raw } = context.req;
  const endpoint = context.get("found")?.served.endpoint;
  const other = otherBodyOf(endpoint, context.req.header("content-type") ?? "");
  const most = other?.maxBytes ?? endpoint?.maxBodyBytes ?? bodyLimit(path, server.limits.maxBodyBytes);
  return passWith(server, context, next, await readBody(raw, most), open);
}

function passWith(
  server: ServerContext,
  context: ServerRequest,
  next: Next,
  body: Uint8Array,
  open: boolean,
): Promise<Response | undefined> {
  context.set("body", body);
  const { path } = context.req;
  const target = rawTarget(context);
  const endpoint = context.get("found")?.served.endpoint;
  const begins = endpoint?.givesSessions === true && (mayAskToBegin(target) || mayAskToBegin(Buffer.from(body).toString()));
  const changes = endpoint === undefined ? changesSomething(path, target, body.length > 0) : endpoint.changes === true || begins;
  const goesOn = endpoint?.streams === true;
  return pass(server, context, next, { body, changes, withSecrets: begins || needsSecrets(path), goesOn, open });
}

async function passUpload(
  server: ServerContext,
  context: ServerRequest,
  next: Next,
  upload: Upload,
  open: boolean,
): Promise<Response | undefined> {
  const { changes, streams } = context.get("found")!.served.endpoint;
  context.set("upload", upload);
  try {
    const passing = { body: upload, changes: changes === true, withSecrets: false, goesOn: streams === true, open };
    return await pass(server, context, next, passing);
  } finally {
    await upload.remove();
  }
}

/** Lets a request through whose sender may do what it asks for. */
async function pass(server: ServerContext, context: ServerRequest, next: Next, passing: Passing): Promise<Response | undefined> {
  const { auth, addressOf, isSecure, trustedOrigins, hooks } = server;
  const request = context.req.raw;
  const incoming = context.env?.incoming;
  const host = incoming?.headers.host;
  const { body, changes, withSecrets, goesOn, open } = passing;
  // Members by name: a spread takes longer than all checks of a request without credentials.
  const asked = {
    body,
    changes,
    withSecrets,
    goesOn,
    open,
    host,
    target: rawTarget(context),
    scheme: incoming === undefined ? undefined : isSecure(incoming) ? "https" : "http",
    address: addressOf(context),
    // A client does not see the headers of a reply to a message: its cookie would end before the session does.
    renews: context.env?.fromSocket?.openedBy === undefined,
    onRefused: (note: RefusalNote) => context.set("refused", note),
  };
  const checked = await auth.check(request, asked);
  const before = hooks.find("preProcess", request.method, context.req.path);
  const other = before === undefined ? undefined : await preProcess(context, server, before, checked);
  if (other !== undefined && other.status !== 200) return refusedByHook(context, other);
  const isOpened = other !== undefined && !checked.ok;
  const verdict = isOpened ? await auth.check(request, { ...asked, open: true }) : checked;
  if (!verdict.ok) return server.redirectToLogin(context, verdict) ?? refusalResponse(context, verdict);
  if (verdict.source === "session" && context.env?.fromSocket !== undefined) requireOwnPage(request.headers, host ?? "", trustedOrigins);
  const query = withoutVersion(verdict.query);
  context.set("allowed", query === verdict.query ? verdict : { ...verdict, query });
  await next();
  // Unless the route says something else of the cookie.
  if (verdict.setCookie !== undefined && !context.res.headers.has("set-cookie")) context.header("set-cookie", verdict.setCookie);
  if (verdict.giveBack !== undefined && didNothing(context)) await verdict.giveBack();
  return undefined;
}

/** What hooks decide once credentials were checked. Where they let a request go no further, nothing was done: it may be sent again. */
async function preProcess(
  context: ServerRequest,
  server: ServerContext,
  hooks: readonly HookFor<"preProcess">[],
  checked: Allowed | Refusal,
): Promise<HookVerdict | undefined> {
  let other: HookVerdict | undefined = failed;
  try {
    const { ok } = checked;
    const verdict: Verdict = ok ? { ok, caller: moduleCaller(checked.account), source: checked.source } : { ok, ...bodyOf(checked) };
    other = await server.hooks.preProcess(hooks, hookRequest(context, server), verdict);
  } finally {
    if (checked.ok && other !== undefined && other.status !== 200) await checked.giveBack?.();
  }
  return other;
}

/** What a hook that throws stands for until then. */
const failed: HookVerdict = { status: 500 };

const bodyOf = ({ status, code, message }: Refusal): Pick<Refusal, "status" | "code" | "message"> => ({ status, code, message });

function refusedByHook(context: ServerRequest, verdict: HookVerdict): Response {
  const { location, status } = verdict;
  context.set("refused", { login: undefined, why: `a hook gave ${status}` });
  if (location !== undefined) return new Response(null, { status, headers: { ...replyHeaders, location } });
  return bodyResponse(context, refusedBody(verdict));
}

/** Browsers let every page open a WebSocket, read it, and send the cookie along. */
function requireOwnPage(headers: Headers, host: string, trusted: readonly string[]): void {
  const header = (name: string): string | undefined => headers.get(name) ?? undefined;
  if (cameFrom({ host, header }, trusted) === "here") return;
  throw new HttpError("denied", "a session cookie counts for a socket only from a page of the same site", { code: "CSRF" });
}

/** Whether the request was refused before anything was changed: then it can be sent again with the same signature. */
function didNothing({ res, error }: ServerRequest): boolean {
  // 413 may be about the reply to what was done.
  if (res.status < 400 || res.status >= 500 || res.status === 413) return false;
  return error === undefined || (error instanceof BkError && error.outcome === "none");
}
