// How often somebody may ask. Off but for /login, unless rules are given.

import { parseSignature, type RateLimits, type RateRule, type RateSubject } from "@bk/auth";
import type { Hono, Next } from "hono";

import { bodyResponse } from "../error-response.js";
import type { ServerContext, ServerEnv, ServerRequest } from "../routes/server-context.js";

/** A login costs a slow hash: no address may ask for more than one a second, and these at once. */
export const defaultRates: readonly RateRule[] = Object.freeze([
  { by: "ip", name: "login", paths: ["/login", "/login/*"], rate: 60, perMs: 60_000, burst: 30 },
]);

/** Before anything is read: by address, and by the login that a signature claims. */
export function limitCallers(app: Hono<ServerEnv>, { rates, addressOf }: ServerContext): void {
  const [byAddress, byLogin] = [rates.counts("ip"), rates.counts("login")];
  if (!byAddress && !byLogin) return;
  async function limited(context: ServerRequest, next: Next, subject: RateSubject, taken: Taken): Promise<Response | undefined> {
    const headers = await refused(context, taken);
    if (headers instanceof Response) return headers;
    const login = byLogin ? claimedLogin(context) : undefined;
    const more = login === undefined ? undefined : await refused(context, rates.take("login", { ...subject, login }));
    if (more instanceof Response) return more;
    await next();
    tell(context, more ?? headers);
    return undefined;
  }
  app.use((context, next) => {
    const { path, method } = context.req;
    const subject = { method, path, address: addressOf(context) };
    const taken = byAddress ? rates.take("ip", subject) : undefined;
    return taken === undefined && !byLogin ? next() : limited(context, next, subject, taken);
  });
}

/** Behind the gate: by the account that asks. */
export function limitAccounts(app: Hono<ServerEnv>, { rates }: ServerContext): void {
  if (!rates.counts("account")) return;
  app.use(async (context, next) => {
    const { account } = context.get("allowed");
    if (account === undefined) return next();
    const { path, method } = context.req;
    const headers = await refused(context, rates.take("account", { method, path, account }));
    if (headers instanceof Response) return headers;
    await next();
    tell(context, headers);
    return undefined;
  });
}

type Headers = Readonly<Record<string, string>>;

type Taken = ReturnType<RateLimits["take"]>;

async function refused(context: ServerRequest, taken: Taken): Promise<Response | Headers | undefined> {
  const verdict = await taken;
  if (verdict === undefined || verdict.allowed) return verdict?.headers;
  const body = { status: 429, code: "limited", message: "Access limit reached, please try again later" };
  return bodyResponse(context, body, { ...verdict.headers, "retry-after": String(Math.ceil(verdict.retryAfterMs / 1000)) });
}

/** What is said of a limit further in is closer to its end, or of no other. */
function tell(context: ServerRequest, headers: Headers | undefined): void {
  if (headers === undefined || context.res.headers.has("ratelimit")) return;
  for (const [name, value] of Object.entries(headers)) context.header(name, value);
}

/** Nothing about it is proven; that is why its address is counted with it. */
function claimedLogin({ req }: ServerRequest): string | undefined {
  const value = req.query("bk-signature") ?? req.header("bk-signature");
  return value === undefined ? undefined : parseSignature(value)?.login;
}
