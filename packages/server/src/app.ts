// The HTTP side: a Hono app out of the gate and the routes. It knows requests and replies; the data API knows the rules.

import { BkError } from "@bk/core";
import { Hono, type MiddlewareHandler } from "hono";

import { sendEvents } from "./events/send-events.js";
import { bodyResponse, errorBody, errorResponse, HttpError, notFound, plainResponse, replyHeaders } from "./error-response.js";
import { faultFields } from "./fault-fields.js";
import { jsonReply } from "./json-reply.js";
import { accessLog, loggedPath } from "./middleware/access-log.js";
import { allowOrigins, type CorsOptions } from "./middleware/cors.js";
import { gate } from "./middleware/gate.js";
import type { LiveReload } from "./dev/live-reload.js";
import type { Health } from "./health.js";
import { phrases } from "./middleware/phrases.js";
import { hookReplies } from "./middleware/hook-replies.js";
import { limitAccounts, limitCallers } from "./middleware/rate-limit.js";
import type { TlsRedirect } from "./middleware/tls-redirect.js";
import { checkFrame, rawTarget } from "./request/check-frame.js";
import { dataRoutes } from "./routes/data.js";
import { fileRoutes } from "./routes/files.js";
import type { ServedMetrics } from "./metrics/served-metrics.js";
import type { LoginContext } from "./routes/login-context.js";
import { loginRoutes } from "./routes/login.js";
import { frontPage, frontPageHeaders } from "./routes/front-page.js";
import { endpointRoutes } from "./modules/endpoint-routes.js";
import { openApiDocument } from "./routes/openapi.js";
import type { ServerContext, ServerEnv } from "./routes/server-context.js";
import { visibleAccount } from "./routes/visible-account.js";
import { compareVersions, type Version } from "./request/version.js";
import { version } from "./version.js";

/** The paths that need no signature. */
export const openPaths = ["/ping", "/health/live", "/health/ready", "/openapi.json"] as const;
/** The same, where mails are sent. */
export const resetPaths = ["/login/reset", "/login/reset/confirm"] as const;

const olderThanAll: Version = { text: "0", numbers: [] };

const nobody = { id: "", login: "", isAdmin: false };

export interface AppParts {
  readonly health: Health;
  /** Has pages loaded anew, in development. */
  readonly liveReload?: LiveReload | undefined;
  /** Refuses requests while there are too many. */
  readonly overload?: MiddlewareHandler<ServerEnv> | undefined;
  readonly cors?: CorsOptions | undefined;
  readonly login?: LoginContext | undefined;
  readonly metrics?: ServedMetrics | undefined;
  /** Sends requests without TLS elsewhere. */
  readonly redirect?: TlsRedirect | undefined;
}

export function createApp(
  server: ServerContext,
  { health, overload, cors: corsOptions, login, metrics, liveReload, redirect }: AppParts,
): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>();
  const cors = corsOptions === undefined ? undefined : allowOrigins(corsOptions);
  if (cors !== undefined) app.use("/ping", cors);
  const document = documents(server);
  const live = (): Response => jsonReply("{}");
  const ready = async (): Promise<Response> => {
    const why = await health.notReady();
    return why === undefined ? jsonReply("{}") : plainResponse(new HttpError("unavailable", why));
  };
  const monitored = [
    ["/ping", live],
    ["/health/live", live],
    ["/health/ready", ready],
  ] as const;
  // Before everything else: monitors ask often, and there is nothing to log or to verify. Other methods go the long way.
  if (!server.refusesAddresses)
    for (const [path, answer] of monitored)
      app.get(path, (context) => {
        checkFrame(rawTarget(context), context.env?.incoming?.rawHeaders);
        return answer();
      });
  liveReload?.add(app);
  // Made at the start: what cannot be described is noticed then.
  document(undefined);
  sendEvents(app, server);
  if (metrics !== undefined) app.use(metrics.middleware(app));
  if (overload !== undefined) app.use(overload);
  app.use(accessLog(server));
  if (server.locales !== undefined) app.use(phrases(server.locales));
  hookReplies(app, server);
  if (cors !== undefined) app.use(cors);
  if (redirect !== undefined)
    app.use(async ({ env }, next) => (env?.incoming === undefined ? undefined : redirect(env.incoming)) ?? next());
  limitCallers(app, server);
  app.use(gate(server));
  limitAccounts(app, server);
  fileRoutes(app, server);
  app.all("/", (context) => context.body(frontPage, 200, { ...replyHeaders, ...frontPageHeaders }));
  for (const [path, answer] of monitored) app.all(path, answer);
  app.all("/openapi.json", (context) => jsonReply(document(context.get("version"))));
  if (login === undefined)
    app.all("/auth", (context) => jsonReply(JSON.stringify(visibleAccount(context.get("allowed").account ?? nobody))));
  else loginRoutes(app, server, login);
  metrics?.route(app, server.addressOf);
  dataRoutes(app, server);
  endpointRoutes(app, server, login);
  app.notFound((context) => errorResponse(context, notFound("nothing is served at this path")));
  app.onError((error, context) => {
    const body = errorBody(error);
    if (body.status >= 500)
      server.log.error(`${context.req.method} ${loggedPath(context)} failed`, { id: context.get("requestId"), ...faultFields(error) });
    return error instanceof HttpError || error instanceof BkError ? errorResponse(context, error) : bodyResponse(context, body);
  });
  return app;
}

/** The text of the document in each version that it is asked for in. There are as many as endpoints have. */
function documents(server: ServerContext): (asked: Version | undefined) => string {
  const made = new Map<string, string>();
  const { versions } = server.endpoints;
  let limits = JSON.stringify(server.limits);
  return (asked) => {
    const now = JSON.stringify(server.limits);
    if (now !== limits) made.clear();
    limits = now;
    // What lies between two versions is as the older of them.
    const as = asked === undefined ? undefined : (versions.find((known) => compareVersions(known, asked) <= 0) ?? olderThanAll);
    const key = as?.text ?? "";
    let text = made.get(key);
    if (text === undefined) made.set(key, (text = JSON.stringify(openApiDocument(server, version, undefined, as))));
    return text;
  };
}
