import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import {
  type IncomingRequest,
  memoryNonces,
  type Refusal,
  signRequest,
  signUrl,
  type SignOptions,
  verifyRequest,
  type VerifyOptions,
} from "../src/index.js";
import { storeOf } from "./vectors.js";

const now = Date.UTC(2024, 0, 1);
const clock = testClock({ now });
const bob = {
  id: "u1",
  login: "bob",
  name: "Bob",
  secret: "s3cret",
  auth_secret: null,
  token_secret: "t",
  session_key: "k",
  password: "p",
};
const options: VerifyOptions = { accounts: storeOf([bob]), clock };
const signing: SignOptions = { method: "GET", url: "/x?a=1", host: "h", login: "bob", secret: "s3cret", clock };

async function send(changes: Partial<SignOptions> = {}): Promise<IncomingRequest> {
  const all = { ...signing, ...changes };
  const { method = "GET", host = "h", body } = all;
  return { method, host, url: String(all.url), headers: await signRequest(all), body: body as string };
}

const verify = (request: IncomingRequest, changes: Partial<VerifyOptions> = {}) => verifyRequest(request, { ...options, ...changes });

describe("what comes back", () => {
  it("is the account without anything secret", async () => {
    const verdict = await verify(await send());
    expect(verdict).toEqual({ ok: true, account: { id: "u1", login: "bob", name: "Bob" }, source: "header", query: "a=1" });
  });

  it("tells a pre-signed URL from a header", async () => {
    const url = await signUrl(signing);
    expect(await verify({ method: "GET", url, host: "h", headers: {} })).toMatchObject({ ok: true, source: "url", query: "a=1" });
  });

  it("says in words why a late request is refused", async () => {
    const verdict = (await verify(await send(), { clock: testClock({ now: now + 30_001 }) })) as Refusal;
    expect(verdict.message).toBe(
      "Expired request, check your clock, the server time is 01/01/2024 00:00:30 GMT, your clock is 01/01/2024 00:00:30 GMT",
    );
  });

  it("is the same for an unknown login and a wrong secret", async () => {
    const unknown = await verify(await send({ login: "nobody" }));
    const wrong = await verify(await send({ secret: "wrong" }));
    expect(unknown).toEqual(wrong);
    expect(unknown).toMatchObject({ ok: false, status: 401, code: "NOAUTH" });
  });

  it("does not tell of an account's end or lists to who lacks its secret", async () => {
    const accounts = storeOf([{ ...bob, expires: now - 1, acl_deny: "/" }]);
    expect(await verify(await send({ secret: "wrong" }), { accounts })).toMatchObject({ code: "NOAUTH" });
    expect(await verify(await send(), { accounts })).toMatchObject({ status: 401, code: "EXPIRED" });
    expect(await verify(await send(), { accounts, statuses: "reference" })).toMatchObject({ status: 412 });
  });

  it("passes on the failure of a store", async () => {
    const accounts = { findByLogin: () => Promise.reject(new Error("down")) };
    await expect(verify(await send(), { accounts })).rejects.toThrow("down");
  });
});

describe("limits of time", () => {
  const at = (ms: number): Partial<SignOptions> => ({ expires: new Date(now + ms) });
  const cases: [string, number, Partial<VerifyOptions>, boolean][] = [
    ["the last millisecond passes", 0, {}, true],
    ["one later does not", -1, {}, false],
    ["signatureAgeMs adds to it", -1000, { signatureAgeMs: 1000 }, true],
    ["and not more", -1001, { signatureAgeMs: 1000 }, false],
    ["15 minutes are the longest for a header", 900_000, {}, true],
    ["and no more", 900_001, {}, false],
    ["unless set otherwise", 3_600_000, { maxLifetimeMs: 3_600_000 }, true],
    ["for headers alone", 3_600_001, { maxLifetimeMs: { header: 3_600_000 } }, false],
  ];
  it.each(cases)("%s", async (_name, ms, changes, ok) => {
    const verdict = await verify(await send(at(ms)), changes);
    expect(verdict).toMatchObject(ok ? { ok } : { ok, status: 401, code: "EXPIRED" });
  });

  it("a pre-signed URL holds for at most 7 days", async () => {
    const link = async (ms: number): Promise<IncomingRequest> => ({
      method: "GET",
      host: "h",
      headers: {},
      url: await signUrl({ ...signing, ttlMs: ms }),
    });
    const week = 7 * 86_400_000;
    expect(await verify(await link(week))).toMatchObject({ ok: true });
    expect(await verify(await link(week + 1))).toMatchObject({ ok: false, code: "EXPIRED" });
    expect(await verify(await link(week + 1), { maxLifetimeMs: { url: 2 * week } })).toMatchObject({ ok: true });
  });
});

describe("hostile requests", () => {
  const refused: [string, Partial<IncomingRequest> & { signature?: (value: string) => string }, Partial<Refusal>][] = [
    ["no method", { method: "" }, { status: 401, code: "NOMETHOD" }],
    ["no host", { host: "" }, { status: 401, code: "NOMETHOD" }],
    ["two hosts", { host: "h, other" }, { status: 400, code: "BADHOST" }],
    ["a line feed in the target", { url: "/x?a=1\n" }, { status: 400, code: "BADREQUEST" }],
    ["a space in the method", { method: "GET " }, { status: 400, code: "BADREQUEST" }],
    ["a host with a user", { host: "a@h" }, { status: 400, code: "BADHOST" }],
    ["a second question mark", { url: "/x?a=1?b" }, { status: 401, code: "BADQUERY" }],
    ["a parameter with the signature's prefix", { url: "/x?a=1&bk-signature2=1" }, { status: 401, code: "BADQUERY" }],
    ["the same, percent-encoded", { url: "/x?a=1&bk%2Dsignature=1" }, { status: 401, code: "BADQUERY" }],
    ["two signatures in the query", { url: "/x?bk-signature=1&bk-signature=2" }, { status: 401, code: "BADQUERY" }],
    ["text before the version", { signature: (value) => `z${value}` }, { code: "NOAUTH" }],
    ["a leading zero in the version", { signature: (value) => `0${value}` }, { code: "NOAUTH" }],
    ["an eighth field", { signature: (value) => `${value}x|` }, { code: "NOLOGIN" }],
    ["a login of 141 characters", { signature: (value) => value.replace("|bob|", `|${"b".repeat(141)}|`) }, { code: "NOLOGIN" }],
    ["a value of more than 2 KiB", { signature: (value) => value.replace(/\|$/, `${"x".repeat(2048)}|`) }, { code: "NOLOGIN" }],
    ["a control character", { signature: (value) => value.replace("|bob|", "|bo\u0001b|") }, { code: "NOLOGIN" }],
    ["a leading zero in the expiration", { signature: (value) => value.replace(/\|(\d{13})\|/, "|0$1|") }, { code: "EXPIRED" }],
    ["an expiration beyond all numbers", { signature: (value) => value.replace(/\|(\d{13})\|/, "|$19999999|") }, { code: "EXPIRED" }],
    ["a lone surrogate", { signature: (value) => value.replace("|bob|", "|bo\ud800b|") }, { code: "NOLOGIN" }],
    ["malformed percent escapes", { url: "/x?bk-signature=%zz" }, { code: "NOLOGIN" }],
    ["version 1 where it is off", { signature: (value) => value.replace(/^4/, "1") }, { code: "NOAUTH" }],
  ];
  it.each(refused)("%s", async (_name, { signature, ...changes }, expected) => {
    const request = await send();
    const headers = request.headers as Record<string, string>;
    const value = headers["bk-signature"]!;
    const verdict = await verify({ ...request, ...changes, headers: { ...headers, "bk-signature": signature ? signature(value) : value } });
    expect(verdict).toMatchObject({ ok: false, ...expected });
  });

  it("a header that is sent twice", async () => {
    const request = await send();
    const value = (request.headers as Record<string, string>)["bk-signature"]!;
    expect(await verify({ ...request, headers: { "bk-signature": [value, value] } })).toMatchObject({ ok: false, code: "NOLOGIN" });
    expect(await verify({ ...request, host: undefined, headers: { "BK-Signature": value, Host: ["h", "h"] } })).toMatchObject({
      code: "BADHOST",
    });
  });

  it.each([
    [now - 1, false],
    [now, true],
    [new Date(now - 1), false],
    [String(now + 1), true],
    ["soon", false],
    [0, true],
    [null, true],
  ])("an account that ends at %s: %s", async (expires, ok) => {
    expect(await verify(await send(), { accounts: storeOf([{ ...bob, expires: expires as number }]) })).toMatchObject({ ok });
  });

  it("an account without a secret", async () => {
    const accounts = storeOf([{ ...bob, secret: "" }]);
    expect(await verify(await send(), { accounts })).toMatchObject({ ok: false, code: "NOAUTH" });
  });
});

describe("bodies", () => {
  const json = { method: "POST", url: "/x", body: '{"a":1}' };
  it("must be covered by the checksum, forms excepted", async () => {
    expect(await verify(await send(json))).toMatchObject({ ok: true });
    expect(await verify(await send({ ...json, checksum: false }))).toMatchObject({ ok: false, status: 400, code: "CHECKSUM" });
    expect(await verify(await send({ ...json, checksum: false }), { allowUncoveredBody: true })).toMatchObject({ ok: true });
    const form = { ...json, contentType: "application/x-www-form-urlencoded", body: "a=1", checksum: false };
    expect(await verify(await send(form))).toMatchObject({ ok: true });
    // Only a POST has its form signed in place of the query.
    expect(await verify(await send({ ...form, method: "PUT" }))).toMatchObject({ ok: false, code: "CHECKSUM" });
  });

  it("may not be added to a request that was signed without one", async () => {
    expect(await verify({ ...(await send()), body: "{}" })).toMatchObject({ ok: false, code: "CHECKSUM" });
  });
});

describe("replay", () => {
  const post = { method: "POST", url: "/x", body: "{}" };

  it("is refused for a request that changes something", async () => {
    const nonces = memoryNonces({ clock });
    const request = await send(post);
    expect(await verify(request, { nonces })).toMatchObject({ ok: true });
    expect(await verify(request, { nonces })).toMatchObject({ ok: false, status: 401, code: "REPLAYED" });
    expect(await verify(await send(post), { nonces })).toMatchObject({ ok: true });
  });

  it("of concurrent equal requests lets exactly one through", async () => {
    const nonces = memoryNonces({ clock });
    const request = await send(post);
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => verify(request, { nonces })));
    expect(verdicts.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it("goes by what the caller says, else by the method", async () => {
    const nonces = memoryNonces({ clock });
    const get = await send();
    for (const _again of [1, 2]) expect(await verify(get, { nonces })).toMatchObject({ ok: true });
    expect(await verify(get, { nonces, changes: true })).toMatchObject({ ok: true });
    expect(await verify(get, { nonces, changes: true })).toMatchObject({ ok: false, code: "REPLAYED" });
    const request = await send(post);
    for (const _again of [1, 2]) expect(await verify(request, { nonces, changes: false })).toMatchObject({ ok: true });
  });

  it("does not count a request that was refused", async () => {
    const nonces = memoryNonces({ clock });
    const request = await send(post);
    expect(await verify({ ...request, body: "{ }" }, { nonces })).toMatchObject({ ok: false, code: "CHECKSUM" });
    expect(await verify(request, { nonces })).toMatchObject({ ok: true });
  });

  it("is refused as long as the signature is taken, signatureAgeMs included", async () => {
    const moving = testClock({ now });
    const nonces = memoryNonces({ clock: moving });
    const changes = { nonces, clock: moving, signatureAgeMs: 60_000 };
    const request = await send(post);
    expect(await verify(request, changes)).toMatchObject({ ok: true });
    moving.advance(90_000);
    expect(await verify(request, changes)).toMatchObject({ ok: false, code: "REPLAYED" });
    moving.advance(1);
    expect(await verify(request, changes)).toMatchObject({ ok: false, code: "EXPIRED" });
  });
});
