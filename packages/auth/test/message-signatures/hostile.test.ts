// What must not be taken, and the reason that is given for it.
import { describe, expect, it } from "vitest";
import { testClock } from "@bk/core";
import {
  checkContentDigest,
  contentDigest,
  type ImportedKey,
  type RequestMessage,
  signFetch,
  signMessage,
  type SignMessageOptions,
  verifyMessage,
  type VerifyMessageOptions,
  type VerifyingKey,
} from "../../src/message-signatures/index.js";

const now = Date.UTC(2026, 0, 1);
const clock = testClock({ now });
const key = { algorithm: "hmac-sha256", secret: "a secret of many characters" } as const;
const message: RequestMessage = { method: "GET", url: "https://example.com/data?a=1", headers: { "x-a": "1", "x-b": "2" } };
const components = ["@method", "@target-uri", "x-a"];

const sign = (options: Partial<SignMessageOptions> = {}, of: RequestMessage = message) =>
  signMessage(of, { key, keyid: "k1", components, clock, ...options });

async function outcome(fields: object, options: Partial<VerifyMessageOptions> = {}, changed: Partial<RequestMessage> = {}) {
  const whole = { ...message, ...changed, headers: { ...(message.headers as object), ...(changed.headers as object), ...fields } };
  return verifyMessage(whole, {
    findKey: (id) => (id === "k1" ? key : undefined),
    required: ["@method", "@target-uri"],
    clock,
    ...options,
  });
}

/** Fields that are written by hand, with a signature that is not looked at. */
const fields = (input: string, signature = "sig=:AAAA:") => ({ "signature-input": input, signature });
const good = `("@method" "@target-uri");created=${now / 1000};keyid="k1"`;

describe("a signature", () => {
  it("counts when it is right", async () => {
    expect(await outcome(await sign())).toMatchObject({ ok: true, claims: { label: "sig", keyid: "k1", created: now } });
  });

  it.each<[string, object, string]>([
    ["is not there", {}, "missing"],
    ["has no Signature", { "signature-input": `sig=${good}` }, "malformed"],
    ["has no Signature-Input", { signature: "sig=:AAAA:" }, "malformed"],
    ["has a label twice in Signature-Input", fields(`sig=${good}, sig=${good}`), "malformed"],
    ["has a label twice, in two lines", { "signature-input": [`sig=${good}`, `sig=${good}`], signature: "sig=:AAAA:" }, "malformed"],
    ["has a label twice in Signature", fields(`sig=${good}`, "sig=:AAAA:, sig=:BBBB:"), "malformed"],
    ["has other labels in the two fields", fields(`sig=${good}`, "other=:AAAA:"), "malformed"],
    ["has a label that only one field has", fields(`sig=${good}`, "sig=:AAAA:, more=:AAAA:"), "malformed"],
    ["has a parameter twice", fields(`sig=${good};created=1`), "malformed"],
    ["is no list", fields("sig=1"), "malformed"],
    ["is no byte sequence", fields(`sig=${good}`, 'sig="AAAA"'), "malformed"],
    ["has a time that is no integer", fields('sig=("@method" "@target-uri");created="1";keyid="k1"'), "malformed"],
    ["has a key id that is no string", fields(`sig=("@method" "@target-uri");created=${now / 1000};keyid=k1`), "malformed"],
    ["holds a lone surrogate", fields(`sig=("@method" "@target-uri");created=${now / 1000};keyid="\ud800"`), "malformed"],
    ["is longer than what is read", fields(`sig=("@method" "${"x".repeat(9000)}");created=1`), "malformed"],
    ["does not end", fields(`sig=("@method" "@target-uri"`), "malformed"],
    ["is one of several", fields(`a=${good}, b=${good}`, "a=:AAAA:, b=:AAAA:"), "several"],
    ["does not cover the method", fields(`sig=("@target-uri");created=${now / 1000};keyid="k1"`), "uncovered"],
    ["covers the method of another message", fields(`sig=("@method";req "@target-uri");created=${now / 1000};keyid="k1"`), "uncovered"],
    ["does not say when it was created", fields('sig=("@method" "@target-uri");keyid="k1"'), "uncovered"],
    ["has no key id", fields(`sig=("@method" "@target-uri");created=${now / 1000}`), "key"],
    ["has an unknown key id", fields(`sig=${good.replace("k1", "k2")}`), "key"],
    ["has a key id of an object's own names", fields(`sig=${good.replace("k1", "__proto__")}`), "key"],
    ["names another algorithm than the key's", fields(`sig=${good};alg="ed25519"`), "algorithm"],
    ["names an algorithm that does not exist", fields(`sig=${good};alg="none"`), "algorithm"],
    ["is wrong", fields(`sig=${good}`), "signature"],
    ["is empty", fields(`sig=${good}`, "sig=::"), "signature"],
  ])("that %s is refused", async (_, given, problem) => {
    expect(await outcome(given)).toMatchObject({ ok: false, problem });
  });

  it.each([
    ["an unknown derived component", '"@nothing"'],
    ["a derived component of an object's own names", '"@constructor"'],
    ["the parameters themselves", '"@signature-params"'],
    ["a component twice", '"x-a" "x-a"'],
    ["a component twice, with its parameters in another order", '"x-a";sf;key="a" "x-a";key="a";sf'],
    ["a field that is not there", '"x-none"'],
    ["a field in capitals", '"X-A"'],
    ["a component that is no string", "x-a"],
    ["a field with an unknown parameter", '"x-a";other'],
    ["a trailer", '"x-a";tr'],
    ["a parameter of another component", '"@path";name="a"'],
    ["sf of a field whose type is not known", '"x-a";sf'],
    ["bs and sf together", '"x-a";bs;sf'],
    ["bs that is not true", '"x-a";bs=?0'],
    ["a member that is not there", '"x-a";key="z"'],
    ["the status of a request", '"@status"'],
    ["a request's request", '"@path";req'],
    ["a query parameter without a name", '"@query-param"'],
    ["a query parameter that is not there", '"@query-param";name="b"'],
    ["more components than there may be", Array.from({ length: 60 }, (_, index) => `"x-${index}"`).join(" ")],
  ])("that covers %s is refused", async (_, component) => {
    const input = `sig=("@method" "@target-uri" ${component});created=${now / 1000};keyid="k1"`;
    expect(await outcome(fields(input))).toMatchObject({ ok: false, problem: "message" });
  });

  it("that covers a query parameter which comes twice is refused", async () => {
    const made = await sign({ components: [...components, '"@query-param";name="a"'] });
    expect(await outcome(made)).toMatchObject({ ok: true });
    expect(await outcome(made, {}, { url: "https://example.com/data?a=1&a=2" })).toMatchObject({ problem: "message" });
  });

  it("of a field with bytes outside ASCII needs bs", async () => {
    const headers = { "x-a": "caf\u00e9" };
    await expect(sign({}, { ...message, headers })).rejects.toMatchObject({ code: "invalid", detail: { field: "components" } });
    const made = await sign({ components: ["@method", "@target-uri", '"x-a";bs'] }, { ...message, headers });
    expect(await outcome(made, {}, { headers })).toMatchObject({ ok: true });
    expect(await outcome(made, {}, { headers: { "x-a": "cafe" } })).toMatchObject({ problem: "signature" });
    expect(await outcome(made, {}, { headers: { "x-a": "\u20ac" } })).toMatchObject({ problem: "message" });
  });

  it("cannot be given a line of its own by a field's value", async () => {
    const headers = { "x-a": '1\n"x-b": 3' };
    await expect(sign({}, { ...message, headers })).rejects.toMatchObject({ code: "invalid" });
  });

  it("fits one message alone", async () => {
    const made = await sign();
    const changes: Partial<RequestMessage>[] = [
      { method: "POST" },
      { url: "https://example.com/data?a=2" },
      { url: "https://example.com/data" },
      { url: "http://example.com/data?a=1" },
      { url: "https://example.org/data?a=1" },
      { headers: { "x-a": "2" } },
    ];
    for (const changed of changes) expect([changed, await outcome(made, {}, changed)]).toMatchObject([changed, { problem: "signature" }]);
    expect(await outcome(made, {}, { headers: { "x-b": "3" } })).toMatchObject({ ok: true });
    for (const url of ["/data?a=1", "https://u@example.com/data", "https://example.com/data#x", "https://example.com/\ud800"])
      expect([url, await outcome(made, {}, { url })]).toMatchObject([url, { problem: "message" }]);
  });

  it("holds from when it was created until it ends, clocks apart for some seconds", async () => {
    const at = async (offsetMs: number, options: Partial<SignMessageOptions> = {}, more: Partial<VerifyMessageOptions> = {}) =>
      outcome(await sign({ created: new Date(now), ...options }), { clock: testClock({ now: now + offsetMs }), ...more });
    expect(await at(-5000)).toMatchObject({ ok: true });
    expect(await at(-5001)).toMatchObject({ problem: "future" });
    expect(await at(15 * 60_000 + 5000)).toMatchObject({ ok: true });
    expect(await at(15 * 60_000 + 5001)).toMatchObject({ problem: "expired" });
    const expires = new Date(now + 10_000);
    expect(await at(15_000, { expires })).toMatchObject({ ok: true });
    expect(await at(15_001, { expires })).toMatchObject({ problem: "expired" });
    expect(await at(5001, { expires }, { clockSkewMs: 0, maxAgeMs: 5000 })).toMatchObject({ problem: "expired" });
    expect(await at(0, { expires: new Date(now - 1000) })).toMatchObject({ problem: "expired" });
  });

  it("of several is chosen by its tag or label", async () => {
    const [ours, proxy] = [await sign({ label: "ours", tag: "app" }), await sign({ label: "proxy", keyid: "k9" })];
    const both = {
      "signature-input": `${ours["signature-input"]}, ${proxy["signature-input"]}`,
      signature: `${ours.signature}, ${proxy.signature}`,
    };
    expect(await outcome(both)).toMatchObject({ problem: "several" });
    expect(await outcome(both, { tag: "app" })).toMatchObject({ ok: true, claims: { label: "ours" } });
    expect(await outcome(both, { label: "ours" })).toMatchObject({ ok: true, claims: { tag: "app" } });
    expect(await outcome(both, { tag: "other" })).toMatchObject({ problem: "missing" });
    expect(await outcome(both, { label: "proxy" })).toMatchObject({ problem: "key" });
  });

  it("by another key, or a key of another kind, is wrong", async () => {
    const made = await sign();
    const { publicKey, privateKey } = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as {
      publicKey: ImportedKey;
      privateKey: ImportedKey;
    };
    const others: readonly VerifyingKey[] = [
      { algorithm: "hmac-sha256", secret: "another" },
      { algorithm: "ed25519", publicKey },
    ];
    for (const other of others) expect(await outcome(made, { findKey: () => other })).toMatchObject({ problem: "signature" });
    // A public key is no secret: who has it must not be able to sign by taking it for one.
    const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
    const forged = await sign({ key: { algorithm: "hmac-sha256", secret: spki } });
    expect(await outcome(forged, { findKey: () => others[1] })).toMatchObject({ problem: "signature" });
    const right = await sign({ key: { algorithm: "ed25519", privateKey } });
    expect(await outcome(right, { findKey: () => others[1] })).toMatchObject({ ok: true });
  });

  it("is not made, and no error repeats the key, for what cannot be used", async () => {
    const wrong: [string, Partial<SignMessageOptions>][] = [
      ["label", { label: "Sig" }],
      ["components", { components: ["@nothing"] }],
      ["components", { components: ["x-a", "x-a"] }],
      ["components", { components: ['"x-a";'] }],
      ["nonce", { nonce: "é" }],
      ["expires", { expires: new Date(Number.NaN) }],
      ["key.secret", { key: { algorithm: "hmac-sha256", secret: "" } }],
      ["key.privateKey", { key: { algorithm: "ed25519", privateKey: "s3cret" } }],
      ["key.privateKey", { key: { algorithm: "ed25519", privateKey: { kty: "OKP", crv: "Ed25519", x: "s3cret" } } }],
    ];
    for (const [field, options] of wrong) {
      const error = await sign(options).catch((caught: unknown) => caught);
      expect([field, error]).toMatchObject([field, { code: "invalid", detail: { field } }]);
      expect(String(error)).not.toContain("s3cret");
    }
  });
});

describe("Content-Digest", () => {
  it("fits one body, and every digest that is known must", async () => {
    const [short, long] = [await contentDigest("x"), await contentDigest("x", "sha-512")];
    expect(await checkContentDigest(short, "x")).toBe("fits");
    expect(await checkContentDigest(`${short}, ${long}`, new TextEncoder().encode("x"))).toBe("fits");
    expect(await checkContentDigest(short, "y")).toBe("differs");
    expect(await checkContentDigest(`${short}, ${await contentDigest("y", "sha-512")}`, "x")).toBe("differs");
    expect(await checkContentDigest(`md5=:AAAA:, ${short}`, "x")).toBe("fits");
  });

  it("is of no use where it holds nothing that is known, or could be read in two ways", async () => {
    const short = await contentDigest("x");
    for (const header of [
      "",
      "md5=:AAAA:",
      "sha-256",
      "sha-256=1",
      'sha-256="x"',
      "sha-256=(:AAAA:)",
      `${short}, ${short}`,
      short.slice(0, -1),
    ])
      expect([header, await checkContentDigest(header, "x")]).toEqual([header, "unusable"]);
    expect(await checkContentDigest("sha-256=:AAAA:", "x")).toBe("differs");
  });
});

describe("a request of fetch", () => {
  const request = () => new Request("https://example.com/x#part", { method: "POST", body: "a=1" });

  it("is signed with its body, a random nonce and an end", async () => {
    const [first, second] = [await signFetch(request(), { key, keyid: "k1" }), await signFetch(request(), { key, keyid: "k1" })];
    expect(first.headers.get("signature-input")).toMatch(
      /^sig=\("@method" "@authority" "@path" "@query" "content-digest" "content-type"\);created=\d+;expires=\d+;keyid="k1";nonce="[\w-]{24}"$/,
    );
    expect(first.headers.get("signature-input")).not.toBe(second.headers.get("signature-input"));
    expect(await first.text()).toBe("a=1");
  });

  it("keeps the signatures that it has, and refuses to hide one", async () => {
    const once = await signFetch(request(), { key, keyid: "k1" });
    await expect(signFetch(once, { key, keyid: "k1" })).rejects.toMatchObject({ code: "invalid", detail: { field: "label" } });
    const twice = await signFetch(once, { key, keyid: "k1", label: "other", tag: "t" });
    expect(twice.headers.get("signature")).toMatch(/^sig=:.+:, other=:.+:$/);
  });

  it("is refused where its body was read, or the time makes no sense", async () => {
    const used = request();
    await used.text();
    await expect(signFetch(used, { key, keyid: "k1" })).rejects.toMatchObject({ code: "invalid", detail: { field: "request" } });
    for (const ttlMs of [0, 999, Number.NaN])
      await expect(signFetch(request(), { key, keyid: "k1", ttlMs })).rejects.toMatchObject({ detail: { field: "ttlMs" } });
  });
});
