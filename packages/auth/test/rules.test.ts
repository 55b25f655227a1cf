// Who may use which paths: by path, method and type of account.
import { describe, expect, it } from "vitest";
import { type AccessRules, createAuth } from "../src/index.js";
import { storeOf } from "./vectors.js";
import { signRequest } from "../src/index.js";

const types = { user: "user", editor: "user,editor", pro: "pro | user", admin: "admin", none: "" } as const;
type Who = keyof typeof types;
const accounts = storeOf(Object.entries(types).map(([login, type]) => ({ id: `u-${login}`, login, type, secret: "s3cret" })));
const base = "https://api.example.com";

/** What a request is answered, as a code; `ok` when it may go on. */
async function ask(rules: AccessRules, who: Who | undefined, target: string): Promise<string> {
  const [method, path] = target.split(" ") as [string, string];
  const url = base + path;
  const headers = who === undefined ? {} : await signRequest({ method, url: path, host: "api.example.com", login: who, secret: "s3cret" });
  const verdict = await createAuth({ accounts, rules, nonces: false }).check(new Request(url, { method, headers }), { target: path });
  return verdict.ok ? "ok" : `${verdict.status} ${verdict.code}`;
}

const byType: AccessRules = {
  allowAccount: { editor: ["/edit/*", "/both/*"], pro: ["/pro/*", "/both/*", "POST /posts"] },
  denyAccount: { user: ["/edit/closed/*"] },
  allowAuthenticated: ["/pro/free"],
  allowAdmin: ["/admin/*"],
};

const byName: AccessRules = {
  acls: { posts: ["/posts/*"], drafts: ["/posts/drafts/*"], all: ["/posts/*", "/stats"], writing: ["POST,PUT /notes/*"] },
  aclAllow: { editor: ["posts"], pro: ["-drafts", "all"], "*": ["writing"] },
  aclDeny: { none: ["all"], pro: ["-posts", "all"] },
};

describe("rules", () => {
  it.each([
    ["types that a path names", byType, "editor", "GET /edit/1", "ok"],
    ["and no others", byType, "user", "GET /edit/1", "403 ALLOW"],
    ["a path that two name, to both", byType, "pro", "GET /both/1", "ok"],
    ["a path that none names, to every account", byType, "none", "GET /free", "ok"],
    ["paths of one method, to the others by another", byType, "user", "GET /posts", "ok"],
    ["and not by that one", byType, "user", "POST /posts", "403 ALLOW"],
    ["an exception for every account", byType, "none", "GET /pro/free", "ok"],
    ["not what is closed to a type, though another of its types has it", byType, "editor", "GET /edit/closed/1", "403 DENY"],
    ["an admin's path not to others", byType, "pro", "GET /admin/1", "403 ADMIN"],
    ["all to an admin", byType, "admin", "GET /edit/closed/1", "ok"],
    ["nothing by another spelling", byType, "user", "GET /x/../edit/1", "403 ALLOW"],
    ["nothing by an encoded spelling", byType, "user", "GET /%65dit/1", "403 ALLOW"],
    ["nobody who is not known", byType, undefined, "GET /edit/1", "401 NOLOGIN"],
    ["named lists", byName, "editor", "GET /posts/1", "ok"],
    ["not to others", byName, "user", "GET /posts/1", "403 ALLOW"],
    ["the first name that fits, with its minus", { ...byName, aclDeny: {} }, "pro", "GET /posts/drafts/1", "403 ALLOW"],
    ["the next name where the first does not fit", { ...byName, aclDeny: {} }, "pro", "GET /posts/1", "ok"],
    ["every account what * has", byName, "none", "PUT /notes/1", "ok"],
    ["denied lists likewise", byName, "pro", "GET /stats", "403 DENY"],
    ["an exception from a denied list", byName, "pro", "GET /posts/1", "ok"],
  ] as const)("open %s", async (_what, rules, who, target, expected) => {
    expect(await ask(rules as AccessRules, who, target)).toBe(expected);
  });

  it("keep anonymous callers from what belongs to a type or to admins", async () => {
    const rules: AccessRules = { ...byType, allowAnonymous: ["*"] };
    expect(await ask(rules, undefined, "GET /free")).toBe("ok");
    for (const path of ["/edit/1", "/admin/1", "/both/1"]) expect(await ask(rules, undefined, `GET ${path}`)).toBe("401 NOLOGIN");
    expect(await ask(rules, undefined, "GET /posts")).toBe("ok");
    expect(await ask(rules, undefined, "POST /posts")).toBe("401 NOLOGIN");
  });

  it("open by method, HEAD with GET, and take exceptions out", async () => {
    const rules: AccessRules = { allowPaths: ["GET /news/*"], ignoreAllowPaths: ["/news/private/*"] };
    expect(await ask(rules, undefined, "GET /news/1")).toBe("ok");
    expect(await ask(rules, undefined, "HEAD /news/1")).toBe("ok");
    expect(await ask(rules, undefined, "POST /news/1")).toBe("401 NOLOGIN");
    expect(await ask(rules, undefined, "GET /news/private/1")).toBe("401 NOLOGIN");
    expect(await ask({ denyPaths: ["GET /x"] }, "admin", "HEAD /x")).toBe("403 DENY");
    expect(await ask({ denyPaths: ["GET /x"] }, "admin", "POST /x")).toBe("ok");
  });

  it("are refused when they name what is not there", () => {
    const auth = (rules: AccessRules) => () => createAuth({ accounts, rules });
    expect(auth({ aclAllow: { user: ["nope"] } })).toThrow(/aclAllow\.user/);
    expect(auth({ aclDeny: { user: ["-constructor"] } })).toThrow(/aclDeny\.user/);
    expect(auth({ allowAccount: { user: ["edit"] } })).toThrow(/allowAccount\.user/);
    expect(auth({ acls: { a: ["get /x"] } })).toThrow(/acls\.a/);
  });

  it("do not take names of Object's own for types", async () => {
    expect(await ask({ allowAccount: { constructor: ["/x"] } }, "user", "GET /x")).toBe("403 ALLOW");
    expect(await ask({ allowAccount: { editor: ["/x"] } }, "editor", "GET /constructor")).toBe("ok");
  });
});
