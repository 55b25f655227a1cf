import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import {
  type Account,
  createAuth,
  hashPassword,
  legacyTokens,
  type Refusal,
  verifyLogin,
  verifyRequest,
  type VerifyOptions,
} from "../src/index.js";
import { verifyRequest as verifyAnywhere } from "../src/worker.js";
import { sealLegacyToken } from "../src/legacy-token.js";
import { storeOf, type VectorCase, vectors } from "./vectors.js";

type Expected = "accept" | number;
interface Run {
  readonly expected: Expected;
  readonly options?: Partial<VerifyOptions>;
}

const accept: Run = { expected: "accept" };
const wholeDomain = { keys: [vectors.config.sessionSecret], hosts: [".example.com", ".example.org"] };

// The verdicts that are more than one word and a number.
const conditions: Readonly<Record<string, readonly Run[]>> = {
  "accept when the server re-decodes header bytes as UTF-8, otherwise reject 401": [accept],
  "accept only if URL parameters stay invisible to handlers": [accept],
  "reject 406 when a maximum lifetime is configured": [
    { expected: 406 },
    { expected: 406, options: { maxLifetimeMs: { header: 60_000 } } },
    { expected: "accept", options: { maxLifetimeMs: 20 * 365 * 86_400_000 } },
  ],
  "reject 400 when a checksum is required": [
    { expected: 400, options: { allowUncoveredBody: false } },
    { expected: "accept", options: { allowUncoveredBody: true } },
  ],
  "reject 401 (disable version 1 by default)": [{ expected: 401, options: { allowVersion1: false } }],
  "accept only when cross-subdomain sessions are configured": [
    { expected: "accept", options: { legacySessions: wholeDomain } },
    { expected: 401, options: { legacySessions: { ...wholeDomain, hosts: ["www.example.com", "example.com"] } } },
  ],
};

function runsOf({ id, recommended }: VectorCase): readonly Run[] {
  const rejected = /^reject (\d+)$/.exec(recommended);
  if (id === "v1-mfa-bypass") return [true, false].map((allowVersion1) => ({ expected: 401, options: { allowVersion1 } }));
  if (rejected) return [{ expected: Number(rejected[1]) }];
  if (recommended === "accept") return [accept];
  const runs = conditions[recommended];
  if (runs === undefined) throw new Error(`no expectation for "${recommended}"`);
  return runs;
}

// Clients of the vectors send JSON and multipart bodies without a checksum.
const uncovered = /^v4-(json|multipart)/;

const changedRows: Readonly<Record<string, Partial<Account>>> = {
  "v2-cookie-secret-changed": { secret: "another" },
  "v3-token-revoked": { token_secret: "tok-Z" },
};

function optionsOf({ id, verify }: VectorCase): VerifyOptions {
  const accounts = vectors.accounts.map((account) => (account.login === "bob" ? { ...account, ...changedRows[id] } : account));
  return {
    accounts: storeOf(accounts),
    clock: testClock({ now: verify.serverNow }),
    statuses: "reference",
    allowVersion1: true,
    allowUncoveredBody: uncovered.test(id),
    signatureAgeMs: verify.config?.signatureAge,
    legacySessions: wholeDomain,
    legacyTokens: [legacyTokens(vectors.config.accessTokenSecret)],
  };
}

// Node gives header bytes as Latin-1 characters.
function onTheWire(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, "utf8").toString("latin1")]));
}

const requests = vectors.cases.filter(({ input }) => input.generator !== "login" && !/^(login|logout)-/.test(input.generator));
const pages = vectors.cases.filter(({ id }) => /^(login|logout)-/.test(id));

it("covers every vector", () => {
  const run = [...requests.filter((one) => !pages.includes(one)), ...pages];
  expect(new Set(run.map(({ id }) => id)).size).toBe(vectors.cases.length);
  expect(vectors.cases.length).toBe(140);
});

describe("verifyRequest gives the recommended verdict", () => {
  const runs = requests
    .filter((one) => !pages.includes(one))
    .flatMap((one) => runsOf(one).map((run) => [`${one.id}: ${run.expected}`, one, run] as const));

  it.each(runs)("%s", async (_name, one, { expected, options }) => {
    const { request, status, code } = one.verify;
    const given = { ...request, headers: onTheWire(request.headers) };
    const verdict = await verifyRequest(given, { ...optionsOf(one), ...options });
    if (expected === "accept") {
      expect(await verifyAnywhere(given, { ...optionsOf(one), ...options })).toEqual(verdict);
      expect(verdict).toMatchObject({ ok: true, account: { login: one.input.login } });
      return;
    }
    expect(verdict).toMatchObject({ ok: false, status: expected });
    // Where the original said the same, it said it with this code.
    if (expected === status && code !== undefined) expect((verdict as Refusal).code).toBe(code);

    const plain = await verifyAnywhere(given, { ...optionsOf(one), ...options, statuses: "default" });
    const unauthenticated = [401, 404, 406, 412, 416, 417].includes(expected);
    expect(plain).toMatchObject({ ok: false, status: unauthenticated ? 401 : expected, code: (verdict as Refusal).code });
  });

  it("hides the URL parameters of a signed form from handlers", async () => {
    const one = vectors.cases.find(({ id }) => id === "v4-form-url-query-tampered")!;
    expect(await verifyRequest(one.verify.request, optionsOf(one))).toMatchObject({ ok: true, query: "" });
  });

  it("takes credentials out of the query that handlers see", async () => {
    for (const id of ["v4-carrier-query", "v4-signurl-client", "v3-token-query"]) {
      const one = vectors.cases.find((other) => other.id === id)!;
      expect(await verifyRequest(one.verify.request, optionsOf(one))).toMatchObject({ ok: true, query: "b=2&a=1" });
    }
  });

  it("reads a header that was decoded as UTF-8 already", async () => {
    const one = vectors.cases.find(({ id }) => id === "v4-login-unicode-header")!;
    expect(await verifyRequest(one.verify.request, optionsOf(one))).toMatchObject({ ok: true, account: { login: "josé" } });
  });
});

describe("the vectors of /login and /logout", () => {
  it.each(pages.filter(({ id }) => id.startsWith("login-")).map((one) => [one.id, one] as const))("%s", async (_id, one) => {
    const { request } = one.verify;
    const given = request.body === null ? Object.fromEntries(new URL(request.url, "http://h").searchParams) : JSON.parse(request.body);
    // The column `password` was a salted HMAC once; taken over, it is a hash.
    const password = await hashPassword("hunter2");
    const accounts = storeOf(vectors.accounts.map((account) => (account.login === "pw" ? { ...account, password } : account)));
    const { login, secret = (given as Record<string, string>)["password"] } = given as Record<string, string>;
    const verdict = await verifyLogin({ login, secret }, { accounts, statuses: "reference" });
    const expected = /^reject (\d+)$/.exec(one.recommended)?.[1];
    if (expected === undefined) {
      expect(one.recommended).toMatch(/^accept( by POST only)?$/);
      expect(verdict).toMatchObject({ ok: true, account: { login } });
    } else {
      expect(verdict).toMatchObject({ ok: false, status: Number(expected) });
    }
  });

  it.each(pages.filter(({ id }) => id.startsWith("logout-")).map((one) => [one.id, one] as const))("%s", async (_id, one) => {
    const { request } = one.verify;
    const auth = createAuth(optionsOf(one));
    const verdict = await auth.check(
      new Request(`http://${request.host}${request.url}`, { method: request.method, headers: request.headers }),
    );
    expect(one.recommended).toBe("accept, clear the cookie");
    expect(verdict).toMatchObject({ ok: true, account: undefined, source: "none" });
  });
});

describe("the dialect of 2014", () => {
  it.each(vectors.legacy2014.map((one) => [one.id, one] as const))("%s", async (id, { input, output }) => {
    const verdict = await verifyRequest(
      { ...input, headers: { "bk-signature": output.value, "content-type": input.contentType } },
      { ...optionsOf(vectors.cases[0]!), clock: testClock({ now: vectors.clock }) },
    );
    // Versions 2 and 3 mean something else since 2015.
    expect(verdict).toMatchObject(id === "2014-v1" ? { ok: true } : { ok: false, code: "NOSRC" });
  });
});

describe("legacy tokens", () => {
  it.each(vectors.primitives.tokenEncrypt)("open and seal $plain", ({ key, plain, hex }) => {
    expect(legacyTokens(key).open(hex)).toBe(plain);
    expect(sealLegacyToken(plain, key)).toBe(hex);
    expect(legacyTokens("another key").open(hex)).not.toBe(plain);
  });
});
