import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import {
  bodyChecksum,
  canonicalText,
  domainName,
  scrambleSecret,
  signRequest,
  signUrl,
  type SignatureVersion,
  type SignOptions,
} from "../src/index.js";
import { hmac } from "../src/digest.js";
import { contentTypeOf, type VectorCase, type VectorInput, vectors } from "./vectors.js";

const signed = vectors.cases.filter(
  ({ input }) => (input.generator === "server" || input.generator === "client") && (input.version === 1 || input.version === 4),
);

// What the browser client does otherwise than its server: it hashes the low byte of each UTF-16 unit.
const lowByteIds = ["v4-login-unicode-query-client", "v4-secret-unicode-client"];
// Its send helper signs JSON text as if it were a query.
const helperId = "v4-json-client-helper";
// What our signer refuses to sign, or signs in another way, since verifiers refuse it.
const refusedIds = ["v4-query-empty-name", "v4-query-sigprefix"];
const secondQuestionIds = ["v4-query-two-questions", "v4-query-two-questions-tampered"];
const otherwise = [...lowByteIds, helperId, ...refusedIds, ...secondQuestionIds];

function optionsOf({ input, verify }: VectorCase): SignOptions {
  const { method, host, login, secret, tag, version, body, checksum } = input;
  return {
    method,
    host,
    url: typeof input.query === "object" && input.query !== null ? verify.request.url : input.url,
    login,
    secret,
    tag,
    version: version as SignatureVersion,
    body,
    contentType: contentTypeOf(input),
    checksum: checksum !== "",
    clock: testClock({ now: input.now }),
    ...expirationOf(input),
  };
}

// Vectors take a number below the clock for a duration, and 0 for the default of their signer.
function expirationOf({ generator, expires, now }: VectorInput): Pick<SignOptions, "expires" | "ttlMs"> {
  if (expires === 0) return generator === "client" ? { ttlMs: 60_000 } : {};
  return expires < now - 7 * 86_400_000 ? { ttlMs: expires } : { expires: new Date(expires) };
}

describe("signRequest", () => {
  it("has vectors to rebuild", () => {
    expect(signed.length - otherwise.length).toBeGreaterThanOrEqual(80);
    for (const id of otherwise) expect(signed.map((one) => one.id)).toContain(id);
  });

  it.each(signed.filter(({ id }) => !otherwise.includes(id)).map((one) => [one.id, one] as const))("rebuilds %s", async (_id, one) => {
    const headers = await signRequest(optionsOf(one));
    expect(headers["bk-signature"]).toBe(one.output!.value);
    const link = new URL(await signUrl(optionsOf(one)), "http://localhost");
    expect(link.searchParams.get("bk-signature")).toBe(one.output!.value);
  });

  it.each(lowByteIds)("hashes UTF-8 where %s does not", async (id) => {
    const one = signed.find((other) => other.id === id)!;
    const value = (await signRequest(optionsOf(one)))["bk-signature"]!;
    expect(value.split("|").toSpliced(3, 1)).toEqual(one.output!.value.split("|").toSpliced(3, 1));
    expect(value).not.toBe(one.output!.value);
  });

  it("signs JSON as a body, not as a query", async () => {
    const one = signed.find(({ id }) => id === helperId)!;
    const headers = await signRequest({ ...optionsOf(one), contentType: "application/json" });
    expect(headers["bk-signature"]).toBe(vectors.cases.find(({ id }) => id === "v4-json")!.output!.value);
  });

  it.each(refusedIds)("refuses what no verifier takes: %s", async (id) => {
    const one = signed.find((other) => other.id === id)!;
    await expect(signRequest(optionsOf(one))).rejects.toMatchObject({ code: "invalid", detail: { field: "url" } });
  });

  it.each(secondQuestionIds)("signs a second question mark as %%3F: %s", async (id) => {
    const one = signed.find((other) => other.id === id)!;
    const escaped = await signRequest({ ...optionsOf(one), url: "/x?a=1%3Fb=2" });
    expect(await signRequest(optionsOf(one))).toEqual(escaped);
    expect(await signUrl(optionsOf(one))).toMatch(/^\/x\?a=1%3Fb=2&bk-signature=/);
    expect(escaped["bk-signature"]).not.toBe(one.output!.value);
  });
});

describe("canonicalText", () => {
  // A form of the older client is signed in place of the query whatever its type; the object form is what went over the wire.
  const queryOf = ({ input, verify }: VectorCase): string => {
    if (typeof input.query === "string") return input.query;
    const url = input.query === null ? input.url : verify.request.url;
    return /^[^?]*\?([^?]*)/.exec(url)?.[1] ?? "";
  };
  const texts = vectors.cases.filter(({ input, output }) => output?.canonical && ["server", "client", "manual"].includes(input.generator));

  it.each(texts.map((one) => [one.id, one] as const))("is that of %s", async (_id, one) => {
    const { input, output } = one;
    const absolute = /^https?:\/\/([^/]+)(\/[^?]*)/.exec(input.url);
    const text = canonicalText({
      version: input.version as SignatureVersion,
      tag: input.tag,
      login: input.login,
      method: input.method,
      host: absolute?.[1] ?? input.host,
      path: absolute?.[2] ?? input.url.split("?", 1)[0]!,
      query: queryOf(one),
      expires: output!.value.split("|")[4]!,
      contentType: contentTypeOf(input),
      checksum: input.checksum,
    });
    expect(text).toBe(output!.canonical);
  });

  it("binds sessions and tokens to a domain", async () => {
    const base = { method: "GET", url: "/account/get", host: "www.example.com:80", login: "bob", secret: "s3cret", tag: "" } as const;
    const session = await signRequest({ ...base, version: 2, expires: new Date(1528854928000) });
    expect(session["bk-signature"]).toBe(vectors.session.decodedPayload["bk-signature"]);
    const token = await signRequest({ ...base, version: 3, tokenSecret: "tok-A", expires: new Date(1528250128000) });
    expect(token["bk-signature"]).toBe(vectors.token.decrypted);
  });
});

describe("primitives", () => {
  const { primitives } = vectors;

  it.each(primitives.domainName)("domain of $host", ({ host, domain }) => {
    expect(domainName(host)).toBe(domain);
  });

  it.each(primitives.scramble)("scrambled secret of $login", async ({ login, secret, scrambledUtf8 }) => {
    expect(await scrambleSecret(login, secret)).toBe(scrambledUtf8);
    expect(await scrambleSecret(` ${login}\n`, `\t${secret} `)).toBe(scrambledUtf8);
  });

  it.each(primitives.checksum)("checksum of $body", async ({ body, sha1Base64 }) => {
    expect(await bodyChecksum(body)).toBe(sha1Base64);
    expect(await bodyChecksum(new TextEncoder().encode(body))).toBe(sha1Base64);
  });

  it.each(primitives.passwordHash201805)("the older password column of $password", async ({ salt, password, hash }) => {
    expect(await hmac("SHA-256", salt, password)).toBe(hash);
  });
});
