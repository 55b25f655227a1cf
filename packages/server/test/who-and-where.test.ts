// Settings about who comes from where: networks, where browsers log in, whose cookie a session is, and requests as presence.
import { status } from "@bk/modules";
import { describe, expect, it } from "vitest";

import { networkRules } from "../src/settings/network-rules.js";
import type { Configuration } from "../src/settings/configuration.js";
import { readSettings } from "../src/settings/read-settings.js";
import { origin, startServer, type TestServer } from "./start-server.js";

const fetchOf = ({ server }: TestServer, path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
  Promise.resolve(server.app.fetch(new Request(origin + path, { method, headers: { host: "bk.test", ...headers } })));

const settingsOf = async (given: Record<string, string>): Promise<Configuration> => {
  const configuration = await readSettings(given, {});
  await configuration.config.close();
  return configuration;
};

describe("networks", () => {
  it("are of whoever a trusted proxy names, and of the proxy itself where it is not trusted", async () => {
    const auth = { rules: { networks: [{ allow: ["10.0.0.0/8"], paths: ["/ping"] }] } };
    const from = { "x-forwarded-for": "10.1.1.1" };
    for (const [trustedProxies, headers, expected] of [
      [["127.0.0.0/8"], from, 200],
      [["127.0.0.0/8"], { "x-forwarded-for": "192.0.2.1" }, 403],
      [["127.0.0.0/8"], { "x-forwarded-for": "10.1.1.1, 192.0.2.1" }, 403],
      [[], from, 403],
    ] as const) {
      await using on = await startServer({ auth, trustedProxies });
      const { url } = await on.server.listen({ port: 0 });
      const reply = await fetch(`${url}/ping`, { headers });
      expect([trustedProxies, headers, reply.status]).toEqual([trustedProxies, headers, expected]);
      if (expected === 403) expect(await reply.json()).toEqual({ status: 403, code: "DENY", message: "Access denied" });
      expect((await fetch(`${url}/openapi.json`, { headers })).status).toBe(200);
    }
  });

  it("are read from lists, for everybody, a path, or a type of accounts", async () => {
    const { networks } = await settingsOf({
      "allow-ip": "10.0.0.0/8, ::1, admin 10.1.0.0/16,/system/* 10.2.0.0/16",
      "deny-ip": "10.9.0.0/16 ,admin /system/* 10.3.0.1",
    });
    expect(networks).toEqual([
      { allow: ["10.0.0.0/8", "::1"], deny: ["10.9.0.0/16"] },
      { types: ["admin"], allow: ["10.1.0.0/16"] },
      { paths: ["/system/*"], allow: ["10.2.0.0/16"] },
      { types: ["admin"], paths: ["/system/*"], deny: ["10.3.0.1"] },
    ]);
    expect(networkRules(undefined, undefined)).toEqual([]);
    for (const wrong of ["10.0.0.0/33", "admin", "10.0.0.1 admin", "admin editor 10.0.0.1", "/a b 10.0.0.1", ",", "10.0.0.1,"])
      await expect(settingsOf({ "deny-ip": wrong })).rejects.toThrow(/deny-ip/);
  });
});

describe("the place to log in", () => {
  const page = { accept: "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-mode": "navigate" };

  it("is where browsers go that ask for a page without a session; all else gets 401", async () => {
    await using on = await startServer({ login: { redirect: "/login.html?from=app" } });
    for (const [path, headers, method] of [
      ["/auth", page, "GET"],
      ["/data/get/city?id=1", page, "HEAD"],
      ["/auth", { accept: "text/html" }, "GET"],
      ["/auth", { ...page, cookie: `__Host-bk-sid=${"x".repeat(43)}` }, "GET"],
    ] as const) {
      const reply = await fetchOf(on, path, headers, method);
      expect([reply.status, reply.headers.get("location"), reply.headers.get("cache-control")]).toEqual([
        302,
        "/login.html?from=app",
        "no-store",
      ]);
      // A session that counts no more is taken back, as with 401.
      expect(reply.headers.get("set-cookie")).toEqual("cookie" in headers ? expect.stringMatching(/^__Host-bk-sid=; Max-Age=0/) : null);
    }
    for (const [path, headers, method] of [
      ["/auth", { accept: "application/json" }, "GET"],
      ["/auth", { accept: "*/*" }, "GET"],
      ["/auth", {}, "GET"],
      ["/auth", { ...page, "sec-fetch-mode": "cors" }, "GET"],
      ["/auth", page, "POST"],
      ["/auth", { ...page, "bk-signature": "4||bob|AAAA|9999999999999||" }, "GET"],
      ["/auth", { ...page, authorization: "Bearer bkt_none" }, "GET"],
      ["/login.html", page, "GET"],
    ] as const)
      expect([path, headers, (await fetchOf(on, path, headers, method)).status]).toEqual([path, headers, 401]);
    expect((await on.call("bob", "/auth", { headers: page })).status).toBe(200);
    expect((await on.call("bob", "/system/nothing", { headers: page })).status).toBe(404);
  });

  it("is a path or a URL", async () => {
    for (const redirect of ["login", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a b", "/x\r\nset-cookie: a=b", ""])
      await expect(startServer({ login: { redirect } })).rejects.toMatchObject({ code: "invalid" });
    await using on = await startServer({ login: { redirect: "https://accounts.example.com/" } });
    expect((await fetchOf(on, "/auth", page)).headers.get("location")).toBe("https://accounts.example.com/");
    await expect(settingsOf({ "login-redirect": "//evil.example" })).rejects.toThrow(/login-redirect/);
  });
});

describe("the domain of sessions", () => {
  it("gives the cookie to all of its hosts, and to the host alone elsewhere", async () => {
    await using on = await startServer({ login: { sessionDomain: "example.com" } });
    const body = JSON.stringify({ login: "bob", secret: "secret of bob", _session: 1 });
    const logIn = async (host: string): Promise<string> => {
      const request = new Request(`https://${host}/login`, {
        method: "POST",
        headers: { host, "content-type": "application/json" },
        body,
      });
      return (await on.server.app.fetch(request)).headers.get("set-cookie")!;
    };
    const cookie = await logIn("api.example.com");
    expect(cookie).toMatch(/^__Secure-bk-sid=[\w-]{43}; Max-Age=1209600; Path=\/; HttpOnly; SameSite=Lax; Secure; Domain=example\.com$/);
    expect(await logIn("EXAMPLE.com:8443")).toContain("; Domain=example.com");
    for (const host of ["notexample.com", "example.com.evil.org", "api.example.org"])
      expect(await logIn(host)).toMatch(/^__Host-bk-sid=.*Secure$/);
    expect(await logIn("localhost:8000")).toMatch(/^bk-sid=.*SameSite=Lax$/);
    const asked = async (host: string, headers: Record<string, string> = {}, method = "GET"): Promise<number> => {
      const own = { host, cookie: cookie.split(";")[0]!, ...headers };
      return (
        await on.server.app.fetch(new Request(`https://${host}/${method === "GET" ? "auth" : "data/put/city"}`, { method, headers: own }))
      ).status;
    };
    expect(await asked("www.example.com")).toBe(200);
    expect(await asked("www.example.org")).toBe(401);
    // Pages of sibling hosts are not the same site's: they are trusted by name.
    expect(await asked("www.example.com", { origin: "https://api.example.com", "sec-fetch-site": "same-site" }, "POST")).toBe(403);
    const out = await on.server.app.fetch(
      new Request("https://www.example.com/logout", {
        method: "POST",
        headers: { host: "www.example.com", cookie: cookie.split(";")[0]! },
      }),
    );
    expect(out.headers.get("set-cookie")).toMatch(/^__Secure-bk-sid=; Max-Age=0; .*; Domain=example\.com$/);
    expect(await asked("api.example.com")).toBe(401);
  });

  it.each(["com", ".example.com", "Example.com", "example.com.", "10.0.0.1", "a b.com", "example.com; Secure", ""])(
    "is not %j",
    async (sessionDomain) => {
      await expect(startServer({ login: { sessionDomain } })).rejects.toMatchObject({ code: "invalid" });
    },
  );
});

describe("presence", () => {
  const online = async (on: TestServer, id = on.ids["bob"]): Promise<unknown> =>
    (await on.call("eve", `/status/get?id=${id}`)).body["online"];

  it("is noted of each request where the server was told so, once in a while, and not against what somebody says", async () => {
    await using on = await startServer({ modules: [status({ touch: true })] });
    expect(await online(on)).toBe(false);
    await on.call("bob", "/auth");
    await expect.poll(() => online(on)).toBe(true);
    await on.call("bob", "/status/put", { json: { status: "offline" } });
    await on.call("bob", "/auth");
    expect(await online(on)).toBe(false);
    // A wrong signature is nobody's presence.
    await on.call("root", "/auth", { secret: "wrong" });
    expect(await online(on, on.ids["root"])).toBe(false);
  });

  it("is not noted where it was not told so", async () => {
    await using on = await startServer({ modules: [status()] });
    await on.call("bob", "/auth");
    await on.server.app.fetch(new Request(`${origin}/`));
    expect(await online(on)).toBe(false);
    expect((await settingsOf({ "status-touch": "true" })).statusTouch).toBe(true);
    expect((await settingsOf({})).statusTouch).toBe(false);
  });
});
