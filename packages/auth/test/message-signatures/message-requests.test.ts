// Requests that are signed by RFC 9421, at the gate.
import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import {
  type AuthOptions,
  createAuth,
  memoryAttempts,
  memoryNonces,
  type RefusalNote,
  signRequest,
  verifyRequest,
} from "../../src/index.js";
import {
  type AccountKey,
  contentDigest,
  type ImportedKey,
  memoryKeys,
  messageSignatures,
  type MessageSignaturesOptions,
  signFetch,
  type SignFetchOptions,
  signMessage,
} from "../../src/message-signatures/index.js";
import { storeOf } from "../vectors.js";

const now = Date.UTC(2026, 0, 1);
const secret = { algorithm: "hmac-sha256", secret: "a secret of many characters" } as const;
const second = { algorithm: "hmac-sha256", secret: "another secret of many characters" } as const;
const accounts = storeOf([
  { id: "u1", login: "bob", secret: "s3cret" },
  { id: "u2", login: "gone", secret: "s3cret", expires: now - 1 },
  { id: "u3", login: "few", secret: "s3cret", acl_deny: "/data" },
]);
const url = "https://api.example.com/data/note?id=1";

interface Setup extends Partial<AuthOptions> {
  readonly keys?: readonly AccountKey[];
  readonly messages?: never;
  readonly options?: Partial<MessageSignaturesOptions>;
}

function gate({ keys = [{ keyid: "k1", login: "bob", key: secret }], options = {}, ...more }: Setup = {}) {
  const clock = testClock({ now });
  const store = memoryKeys(keys);
  const auth = createAuth({ accounts, clock, ...more, messages: messageSignatures({ keys: store, ...options }) });
  const sign = (init: RequestInit & { url?: string } = {}, given: Partial<SignFetchOptions> = {}) =>
    signFetch(new Request(init.url ?? url, init), { key: secret, keyid: "k1", clock, ...given });
  return { auth, clock, store, sign };
}

const put = { method: "PUT", body: '{"a":1}', headers: { "content-type": "application/json" } };

describe("a request with a message signature", () => {
  it("is that of the key's account", async () => {
    const { auth, sign, store } = gate();
    expect(await auth.check(await sign())).toEqual({ ok: true, account: { id: "u1", login: "bob" }, source: "message", query: "id=1" });
    expect(await auth.check(await sign(put))).toMatchObject({ ok: true, source: "message" });
    expect(store.lastUsed("k1")).toBe(now);
  });

  it("is not looked at where the mode is not set up", async () => {
    const { sign } = gate();
    expect(await createAuth({ accounts, clock: testClock({ now }) }).check(await sign())).toMatchObject({ status: 401, code: "NOLOGIN" });
  });

  it("is verified by verifyRequest likewise, from raw texts", async () => {
    const { clock, store } = gate();
    const message = { method: "GET", url: "http://api.example.com//a/../b?x=%41&x=2?", headers: { "x-a": ["1", "2"] } };
    const made = await signMessage(message, { key: secret, keyid: "k1", components: ["@method", "@target-uri", '"x-a";bs'], clock });
    const request = { method: "GET", url: "//a/../b?x=%41&x=2?", host: "api.example.com", headers: { ...message.headers, ...made } };
    const options = { accounts, clock, messages: messageSignatures({ keys: store }) };
    expect(await verifyRequest(request, options)).toMatchObject({ ok: true, query: "x=%41&x=2?" });
    expect(await verifyRequest({ ...request, url: "/b?x=%41&x=2?" }, options)).toMatchObject({ code: "NOAUTH" });
  });

  it("keeps the query of a form, which it covers beside the body", async () => {
    const { auth, sign } = gate();
    const form = { method: "POST", body: new URLSearchParams({ a: "1" }) };
    expect(await auth.check(await sign(form))).toMatchObject({ ok: true, query: "id=1" });
  });

  it("is taken behind a proxy that ends TLS, where the scheme is told", async () => {
    const { clock, store } = gate();
    const made = await signMessage(
      { method: "GET", url, headers: {} },
      { key: secret, keyid: "k1", components: ["@method", "@target-uri"], clock },
    );
    const inside = new Request(url.replace("https", "http"), { headers: { ...made } });
    const outcome = (options: Partial<MessageSignaturesOptions>) =>
      createAuth({ accounts, clock, messages: messageSignatures({ keys: store, ...options }) }).check(inside);
    expect(await outcome({})).toMatchObject({ code: "NOAUTH" });
    expect(await outcome({ scheme: "https" })).toMatchObject({ ok: true });
  });

  it("gives way to a signature of the other kind, and is tried before tokens and cookies", async () => {
    const { auth, clock, sign } = gate();
    const headers = await signRequest({ url, login: "bob", secret: "s3cret", clock });
    const wrong = { "signature-input": "sig=(", signature: "sig=:AAAA:" };
    expect(await auth.check(new Request(url, { headers: { ...headers, ...wrong } }))).toMatchObject({ ok: true, source: "header" });
    expect(await auth.check(new Request(url, { headers: { authorization: "Bearer x", ...wrong } }))).toMatchObject({
      code: "BADSIGNATURE",
    });
    const tagged = gate({ options: { tag: "app" } });
    expect(await tagged.auth.check(await sign())).toMatchObject({ code: "NOLOGIN" });
    expect(await tagged.auth.check(await tagged.sign({}, { tag: "app" }))).toMatchObject({ ok: true });
  });
});

describe("a message signature is refused", () => {
  it("for another request or another key, without telling which, and counted as an attempt", async () => {
    const notes: RefusalNote[] = [];
    const { auth, sign } = gate({ attempts: memoryAttempts({ maxPerMinute: 3, clock: testClock({ now }) }) });
    const check = (request: Request) => auth.check(request, { address: "192.0.2.1", onRefused: (note) => notes.push(note) });
    const signed = await sign();
    const other = new Request(url.replace("id=1", "id=2"), { headers: signed.headers });
    const answers = [await check(other), await check(await sign({}, { key: second })), await check(await sign({}, { keyid: "k2" }))];
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, code: "NOAUTH" });
    expect(notes.map(({ why }) => why)).toEqual([
      expect.stringContaining("wrong"),
      expect.stringContaining("wrong"),
      "there is no key with this id",
    ]);
    expect(await check(await sign({}, { key: second }))).toMatchObject({ code: "NOAUTH" });
    expect(await check(await sign())).toMatchObject({ status: 429, code: "LIMITED" });
    expect(await auth.check(await sign(), { address: "192.0.2.2" })).toMatchObject({ ok: true });
  });

  it("with another algorithm than the key's, whatever the message says", async () => {
    const { publicKey } = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as { publicKey: ImportedKey };
    const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
    const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString("base64")}\n-----END PUBLIC KEY-----`;
    const { auth, sign } = gate({ keys: [{ keyid: "k1", login: "bob", key: { algorithm: "ed25519", publicKey: pem } }] });
    for (const forged of [spki, pem])
      expect(await auth.check(await sign({}, { key: { algorithm: "hmac-sha256", secret: forged }, nameAlgorithm: true }))).toMatchObject({
        code: "NOAUTH",
      });
  });

  it("that leaves out what it must cover", async () => {
    const { auth, clock } = gate();
    const digest = await contentDigest(put.body);
    const headers = { ...put.headers, "content-digest": digest };
    const all = ["@method", "@authority", "@path", "@query", "content-digest", "content-type"];
    const outcome = async (components: readonly string[], nonce: string | undefined = "n") => {
      const made = await signMessage({ method: "PUT", url, headers }, { key: secret, keyid: "k1", components, nonce, clock });
      return auth.check(new Request(url, { ...put, headers: { ...headers, ...made } }));
    };
    expect(await outcome(all)).toMatchObject({ ok: true });
    for (const left of all)
      expect([left, await outcome(all.filter((name) => name !== left))]).toMatchObject([left, { status: 401, code: "BADSIGNATURE" }]);
    expect(await outcome(["@method", "@target-uri", "content-digest", "content-type"], "n2")).toMatchObject({ ok: true });
    expect(await outcome(["@method", "@authority", "@request-target", "content-digest", "content-type"], "n3")).toMatchObject({ ok: true });
    expect(await outcome(all, "")).toMatchObject({ code: "BADSIGNATURE", message: expect.stringContaining("nonce") });
    expect(await outcome(all, "n".repeat(129))).toMatchObject({ code: "BADSIGNATURE", message: expect.stringContaining("nonce") });
  });

  it("with a body that is not the one that was signed", async () => {
    const { auth, sign } = gate();
    const { headers } = await sign(put);
    expect(await auth.check(new Request(url, { ...put, headers, body: '{"a":2}' }))).toMatchObject({ status: 400, code: "CHECKSUM" });
    expect(await auth.check(new Request(url, { method: "PUT", headers }))).toMatchObject({ status: 400, code: "CHECKSUM" });
    // The refused ones took nothing.
    expect(await auth.check(new Request(url, { ...put, headers }))).toMatchObject({ ok: true });
  });

  it("when it is used again, or its nonce in another one, if the request changes something", async () => {
    const { auth, sign } = gate({ nonces: memoryNonces({ clock: testClock({ now }) }) });
    const [signed, read] = [await sign(put), await sign()];
    expect(await auth.check(signed.clone())).toMatchObject({ ok: true });
    expect(await auth.check(signed.clone())).toMatchObject({ status: 401, code: "REPLAYED" });
    for (let times = 0; times < 2; times++) expect(await auth.check(read.clone())).toMatchObject({ ok: true });
    expect(await auth.check(await sign(put, { nonce: "mine" }))).toMatchObject({ ok: true });
    expect(await auth.check(await sign({ ...put, body: "{}" }, { nonce: "mine" }))).toMatchObject({ code: "REPLAYED" });
  });

  it("given back, it can be used again", async () => {
    const { auth, sign } = gate();
    const signed = await sign(put);
    const verdict = await auth.check(signed.clone());
    if (verdict.ok) await verdict.giveBack?.();
    expect(await auth.check(signed.clone())).toMatchObject({ ok: true });
  });

  it("before and after its time", async () => {
    const { auth, clock, sign } = gate();
    const at = async (ms: number) => sign({}, { clock: testClock({ now: now + ms }) });
    expect(await auth.check(await at(5000))).toMatchObject({ ok: true });
    expect(await auth.check(await at(6000))).toMatchObject({ code: "EXPIRED", message: expect.stringContaining("future") });
    expect(await auth.check(await at(-35_000))).toMatchObject({ ok: true });
    expect(await auth.check(await at(-36_000))).toMatchObject({ status: 401, code: "EXPIRED" });
    expect(await auth.check(await sign({}, { ttlMs: 3_600_000, clock: testClock({ now: now - 16 * 60_000 }) }))).toMatchObject({
      code: "EXPIRED",
    });
    expect(clock.now()).toBe(now);
  });

  it.each([
    ["a label twice", { "signature-input": "a=(), a=()", signature: "a=:AAAA:" }],
    ["several signatures", { "signature-input": "a=(), b=()", signature: "a=:AAAA:, b=:AAAA:" }],
    ["no key id", { "signature-input": `a=("@method");created=${now / 1000}`, signature: "a=:AAAA:" }],
    ["an empty key id", { "signature-input": `a=("@method");created=${now / 1000};keyid=""`, signature: "a=:AAAA:" }],
    ["no time", { "signature-input": 'a=("@method");keyid="k1"', signature: "a=:AAAA:" }],
    [
      "an unknown component",
      { "signature-input": `a=("@method" "@target-uri" "@x");created=${now / 1000};keyid="k1"`, signature: "a=:AAAA:" },
    ],
    ["half of its fields", { signature: "a=:AAAA:" }],
    ["a field of great length", { "signature-input": `a=(${'"x" '.repeat(5000)})`, signature: "a=:AAAA:" }],
  ])("with %s", async (_, headers) => {
    expect(await gate().auth.check(new Request(url, { headers }))).toMatchObject({ ok: false, status: 401, code: "BADSIGNATURE" });
  });

  it("for an account that has ended, is not there, or may not use the path", async () => {
    const keys = ["gone", "few", "nobody"].map((login) => ({ keyid: login, login, key: secret }));
    const { auth, sign } = gate({ keys });
    const outcome = async (keyid: string) => auth.check(await sign({}, { keyid }));
    expect(await outcome("gone")).toMatchObject({ status: 401, code: "EXPIRED" });
    expect(await outcome("few")).toMatchObject({ status: 403, code: "NOACCESS" });
    expect(await outcome("nobody")).toMatchObject({ status: 401, code: "NOAUTH" });
  });
});

describe("a key", () => {
  it("is rotated with both in use for a while", async () => {
    const { auth, clock, store, sign } = gate({
      keys: [
        { keyid: "old", login: "bob", key: secret },
        { keyid: "new", login: "bob", key: second, begins: now + 1000 },
      ],
    });
    const outcomes = async () => {
      const requests = [await sign({}, { keyid: "old" }), await sign({}, { keyid: "new", key: second })];
      return Promise.all(requests.map(async (request) => (await auth.check(request)).ok));
    };
    expect(await outcomes()).toEqual([true, false]);
    expect(await auth.check(await sign({}, { keyid: "new", key: second }))).toMatchObject({ status: 401, code: "KEYENDED" });
    clock.advance(1000);
    expect(store.end("old", now + 2000)).toBe(true);
    expect(await outcomes()).toEqual([true, true]);
    clock.advance(1001);
    expect(await outcomes()).toEqual([false, true]);
    expect([store.lastUsed("old"), store.lastUsed("new"), store.end("none", now)]).toEqual([now + 1000, now + 2001, false]);
  });

  it("does what its scopes say, and no more", async () => {
    const { auth, sign } = gate({ keys: [{ keyid: "k1", login: "bob", key: secret, scopes: ["GET,HEAD /data/*", "/icon"] }] });
    const outcome = async (init: RequestInit & { url?: string }) => auth.check(await sign(init));
    expect(await outcome({})).toMatchObject({ ok: true });
    expect(await outcome({ ...put, url: "https://api.example.com/icon" })).toMatchObject({ ok: true });
    for (const init of [put, { url: "https://api.example.com/icon/1" }, { url: "https://api.example.com/data/%2e%2e/system" }])
      expect([init, await outcome(init)]).toMatchObject([init, { status: 403, code: "SCOPE" }]);
    const none = gate({ keys: [{ keyid: "k1", login: "bob", key: secret, scopes: [] }] });
    expect(await none.auth.check(await none.sign())).toMatchObject({ status: 403, code: "SCOPE" });
  });

  it("tells of ends and scopes only who signs with it", async () => {
    const { auth, sign } = gate({ keys: [{ keyid: "k1", login: "bob", key: secret, ends: now - 1, scopes: [] }] });
    expect(await auth.check(await sign({}, { key: second }))).toMatchObject({ code: "NOAUTH" });
  });

  it("that cannot be used is refused when it is added", () => {
    const good = { keyid: "k1", login: "bob", key: secret };
    const wrong: [string, object][] = [
      ["keyid", { ...good, keyid: "é" }],
      ["keyid", { ...good, keyid: "" }],
      ["login", { ...good, login: "" }],
      ["key", { ...good, key: { algorithm: "none" } }],
      ["ends", { ...good, ends: Number.NaN }],
      ["scopes", { ...good, scopes: ["data"] }],
    ];
    for (const [field, key] of wrong)
      expect(() => memoryKeys([key as AccountKey])).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }));
    expect(() => memoryKeys([good, good])).toThrow(expect.objectContaining({ detail: { field: "keyid" } }));
  });
});
