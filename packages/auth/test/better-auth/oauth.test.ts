import { serve } from "@hono/node-server";
import { betterAuth, type BetterAuthOptions } from "better-auth";
import { genericOAuth } from "better-auth/plugins";
import { Hono } from "hono";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";

import { openDb } from "@bk/db";
import { type BetterAuthTables, bkAdapter, tablesOf } from "@bk/auth/better-auth";

/** A provider of OAuth 2: who has the code is Ann. */
async function openProvider(): Promise<string> {
  const app = new Hono();
  app.post("/token", async (context) => {
    const { code } = await context.req.parseBody();
    if (code !== "good") return context.json({ error: "invalid_grant" }, 400);
    return context.json({ access_token: "of-ann", token_type: "bearer", expires_in: 3600 });
  });
  app.get("/user", (context) =>
    context.req.header("authorization") === "Bearer of-ann"
      ? context.json({ id: "42", sub: "42", email: "ann@example.com", email_verified: true, name: "Ann" })
      : context.body(null, 401),
  );
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  onTestFinished(() => void server.close());
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("people log in by OAuth, and are the same ones the next time", async () => {
  const provider = await openProvider();
  const baseURL = "http://localhost:3000";
  const options = {
    baseURL,
    secret: "a secret of at least 32 characters, or more",
    logger: { disabled: true },
    plugins: [
      genericOAuth({
        config: [
          {
            providerId: "own",
            clientId: "id",
            clientSecret: "secret",
            authorizationUrl: `${provider}/authorize`,
            tokenUrl: `${provider}/token`,
            userInfoUrl: `${provider}/user`,
          },
        ],
      }),
    ],
  } satisfies BetterAuthOptions;
  const tables: BetterAuthTables = tablesOf(options);
  await using db = await openDb({ url: "sqlite::memory:", tables });
  await db.sync();
  const auth = betterAuth({ ...options, database: bkAdapter(db) });

  const cookiesOf = (reply: Response): string =>
    reply.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
  const logIn = async (code: string): Promise<Response> => {
    const begun = await auth.handler(
      new Request(`${baseURL}/api/auth/sign-in/social`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: baseURL },
        body: JSON.stringify({ provider: "own", callbackURL: "/welcome" }),
      }),
    );
    const { url } = (await begun.json()) as { url: string };
    const state = new URL(url).searchParams.get("state")!;
    const back = new URL(new URL(url).searchParams.get("redirect_uri")!);
    back.search = String(new URLSearchParams({ code, state }));
    return auth.handler(new Request(back, { headers: { cookie: cookiesOf(begun) } }));
  };

  const first = await logIn("good");
  expect([first.status, first.headers.get("location")]).toEqual([302, "/welcome"]);
  const session = await auth.api.getSession({ headers: new Headers({ cookie: cookiesOf(first) }) });
  expect(session?.user).toMatchObject({ name: "Ann", email: "ann@example.com" });
  expect(await db.select("account", { userId: session!.user.id } as never)).toMatchObject({
    rows: [{ providerId: "own", accountId: "42" }],
  });

  await logIn("good");
  expect([await db.count("user", {}), await db.count("account", {}), await db.count("session", {})]).toEqual([1, 1, 2]);
  expect((await logIn("stolen")).headers.get("location")).toMatch(/error=/);
  expect(await db.count("session", {})).toBe(2);
});
