import { testClock } from "@bk/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type IncomingRequest, signRequest, verifyRequest } from "../src/index.js";
import { equalTexts } from "../src/constant-time.js";
import { webHasher } from "../src/digest.js";
import { nodeHasher } from "../src/node-hasher.js";
import { storeOf } from "./vectors.js";

const now = Date.UTC(2024, 0, 1);
const accounts = storeOf([
  { id: "u1", login: "bob", secret: "s3cret" },
  { id: "u2", login: "boc", secret: "s3cret" },
]);

interface Wire {
  readonly method: string;
  readonly host: string;
  readonly url: string;
  readonly contentType: string;
  readonly signature: string;
  readonly body: Uint8Array;
}

const check = ({ signature, contentType, ...rest }: Wire): Promise<{ ok: boolean }> => {
  const request: IncomingRequest = { ...rest, headers: { "bk-signature": signature, "content-type": contentType } };
  return verifyRequest(request, { accounts, clock: testClock({ now }), allowVersion1: true, maxLifetimeMs: 1e12 });
};

const isForm = ({ method, contentType }: Wire): boolean => method === "POST" && contentType.includes("form");

async function signed(request: Omit<Wire, "signature">, login = "bob"): Promise<Wire> {
  const headers = await signRequest({ ...request, login, secret: "s3cret", clock: testClock({ now }) });
  return { ...request, signature: headers["bk-signature"]! };
}

const name = fc.string({ unit: fc.constantFrom(...Array.from("abcXYZ019-._~%")), minLength: 1, maxLength: 6 });
const query = fc.array(fc.tuple(name, name), { maxLength: 4 }).map((pairs) => pairs.map((pair) => pair.join("=")).join("&"));
const text = fc.string({ unit: "binary", maxLength: 20 });
const wire = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
  host: fc.constantFrom("example.com", "api.example.com:8000", "127.0.0.1"),
  url: fc.tuple(name, query).map(([path, search]) => `/${path}${search === "" ? "" : `?${search}`}`),
  contentType: fc.constantFrom("application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"),
  body: text.map((one) => new TextEncoder().encode(one.replaceAll(/^=|&=|bk-signature/g, ""))),
});
// Case does not count in these two, nor the port of the host.
const folded: Partial<Record<keyof Wire, (value: string) => string>> = {
  host: (value) => value.split(":")[0]!.toLowerCase(),
  contentType: (value) => value.toLowerCase(),
};

describe("a signed request", () => {
  it("is accepted as it was signed", async () => {
    const property = fc.asyncProperty(wire, async (request) => {
      expect(await check(await signed(request))).toMatchObject({ ok: true });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it.each(["method", "host", "url", "contentType", "signature"] as const)(
    "is refused when one character of its %s is another",
    async (field) => {
      const property = fc.asyncProperty(wire, fc.nat(), fc.integer({ min: 0x21, max: 0x7e }), async (request, place, code) => {
        const sent = await signed(request);
        const before = sent[field];
        const at = place % before.length;
        const after = before.slice(0, at) + String.fromCharCode(code) + before.slice(at + 1);
        const fold = folded[field] ?? ((value: string) => value);
        // A fragment is no part of a target, so one cannot be sent.
        fc.pre(fold(after) !== fold(before) && !after.includes("#"));
        // A posted form is signed in place of the URL query, which its handlers never see.
        const unseen = field === "url" && isForm(sent) && after.split("?")[0] === before.split("?")[0];
        expect(await check({ ...sent, [field]: after })).toMatchObject(
          unseen && !after.includes("?", after.indexOf("?") + 1) ? { query: "" } : { ok: false },
        );
      });
      await fc.assert(property, { numRuns: 300 });
    },
  );

  it("is refused when one byte of its body is another", async () => {
    const property = fc.asyncProperty(wire, fc.nat(), fc.integer({ min: 1, max: 255 }), async (request, place, flip) => {
      fc.pre(request.body.length > 0);
      const sent = await signed(request);
      const body = sent.body.slice();
      body[place % body.length]! ^= flip;
      expect(await check({ ...sent, body })).toMatchObject({ ok: false });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("is refused when a character is added or left out in its signature", async () => {
    const property = fc.asyncProperty(wire, fc.nat(), fc.string({ maxLength: 1 }), async (request, place, added) => {
      const sent = await signed(request);
      const at = place % sent.signature.length;
      const signature = sent.signature.slice(0, at) + added + sent.signature.slice(at + (added === "" ? 1 : 0));
      expect(await check({ ...sent, signature })).toMatchObject({ ok: false });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("is refused for another login with the same secret", async () => {
    const sent = await signed({ method: "GET", host: "h", url: "/", contentType: "", body: new Uint8Array() });
    expect(await check(sent)).toMatchObject({ ok: true });
    expect(await check({ ...sent, signature: sent.signature.replace("|bob|", "|boc|") })).toMatchObject({ ok: false, code: "NOAUTH" });
  });

  it("is refused when a form holds bytes that are not UTF-8", async () => {
    const request = {
      method: "POST",
      host: "h",
      url: "/",
      contentType: "application/x-www-form-urlencoded",
      body: new TextEncoder().encode("a=\ufffd"),
    };
    const sent = await signed(request);
    expect(await check(sent)).toMatchObject({ ok: true });
    expect(await check({ ...sent, body: Uint8Array.of(0x61, 0x3d, 0xff) })).toMatchObject({ ok: false, status: 400, code: "BADBODY" });
  });
});

describe("the hashes of Node and of Web Crypto", () => {
  it("are equal", async () => {
    const property = fc.asyncProperty(
      fc.constantFrom("SHA-1" as const, "SHA-256" as const),
      fc.string({ minLength: 1, unit: "binary" }),
      fc.string({ unit: "binary" }),
      fc.uint8Array({ max: 255 }),
      async (hash, key, message, body) => {
        expect(nodeHasher.hmac(hash, key, message)).toBe(await webHasher.hmac(hash, key, message));
        expect(nodeHasher.checksum(body)).toBe(await webHasher.checksum(body));
      },
    );
    await fc.assert(property);
  });
});

describe("constant-time comparison", () => {
  it("agrees with equality", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalTexts(a, b) === (a === b) && equalTexts(a, a)));
  });

  it("reads every character of both, wherever they differ first", () => {
    for (let differs = -1; differs < 32; differs++) {
      const reads: number[] = [];
      const watched = {
        length: 32,
        charCodeAt(index: number): number {
          reads.push(index);
          return index === differs ? 1 : 0;
        },
      };
      expect(equalTexts(watched, "\0".repeat(32))).toBe(differs < 0);
      expect(reads).toEqual(Array.from({ length: 32 }, (_, index) => index));
    }
  });
});
