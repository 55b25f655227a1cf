// Both ways against the npm package `http-message-signatures`.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";
import { describe, expect, it } from "vitest";
import {
  contentDigest,
  type SigningKey,
  signFetch,
  signMessage,
  verifyMessage,
  type VerifyingKey,
} from "../../src/message-signatures/index.js";

const secret = randomBytes(32);
const pair = generateKeyPairSync("ed25519");
const pem = {
  private: pair.privateKey.export({ format: "pem", type: "pkcs8" }) as string,
  public: pair.publicKey.export({ format: "pem", type: "spki" }) as string,
};

const kinds: readonly {
  readonly sign: SigningKey;
  readonly verify: VerifyingKey;
  readonly theirs: { sign: Buffer | string; verify: Buffer | string };
}[] = [
  { sign: { algorithm: "hmac-sha256", secret }, verify: { algorithm: "hmac-sha256", secret }, theirs: { sign: secret, verify: secret } },
  {
    sign: { algorithm: "ed25519", privateKey: pem.private },
    verify: { algorithm: "ed25519", publicKey: pem.public },
    theirs: { sign: pem.private, verify: pem.public },
  },
];

const fields = [
  "@method",
  "@target-uri",
  "@authority",
  "@scheme",
  "@path",
  "@query",
  '@query-param;name="a"',
  "content-type",
  "content-digest",
  "x-list",
];
const written = fields.map((field) => (field.includes(";") ? field.replace("@query-param", '"@query-param"') : field));

describe.each(kinds)("$sign.algorithm beside another implementation", ({ sign, verify, theirs }) => {
  const messages = async () => {
    const headers = {
      "Content-Type": "application/json",
      "Content-Digest": await contentDigest('{"a":"é"}'),
      "X-List": ["a, b", " c "],
    };
    return ["https://example.com/data/put/note?a=1&b=%C3%A9+x", "http://example.com:8080/?a=%20", "https://example.com/x%2Fy;z?a=&=5"].map(
      (url) => ({
        method: "POST",
        url,
        headers,
      }),
    );
  };

  it("it takes what we sign", async () => {
    for (const message of await messages()) {
      const made = await signMessage(message, { key: sign, keyid: "k1", components: written, nonce: "n", tag: "t", nameAlgorithm: true });
      const verifier = { id: "k1", algs: [sign.algorithm], verify: createVerifier(theirs.verify, sign.algorithm) };
      const outcome = (changed: object) =>
        httpbis.verifyMessage(
          { keyLookup: async ({ keyid }) => (keyid === "k1" ? verifier : null), requiredFields: ["@method"] },
          { ...message, headers: { ...message.headers, ...made }, ...changed },
        );
      expect(await outcome({})).toBe(true);
      expect(await outcome({ method: "PUT" })).toBe(false);
    }
  });

  it("we take what it signs", async () => {
    for (const message of await messages()) {
      const key = createSigner(theirs.sign, sign.algorithm, "k1");
      const made = await httpbis.signMessage(
        { key, fields, params: ["created", "expires", "keyid", "alg", "nonce", "tag"], paramValues: { nonce: "n", tag: "t" } },
        message,
      );
      const outcome = (changed: object) =>
        verifyMessage({ ...message, headers: made.headers, ...changed }, { findKey: () => verify, required: written });
      expect(await outcome({})).toMatchObject({ ok: true, claims: { keyid: "k1", algorithm: sign.algorithm, nonce: "n", tag: "t" } });
      expect(await outcome({ method: "PUT" })).toMatchObject({ ok: false, problem: "signature" });
    }
  });

  it("it takes the requests of fetch that we sign", async () => {
    const request = new Request("https://example.com/x?b=1", {
      method: "PUT",
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
    });
    const signed = await signFetch(request, { key: sign, keyid: "k1" });
    const verifier = { id: "k1", algs: [sign.algorithm], verify: createVerifier(theirs.verify, sign.algorithm) };
    const { method, url, headers } = signed;
    const plain = { method, url, headers: Object.fromEntries(headers) };
    const requiredFields = ["@method", "@authority", "@path", "@query", "content-digest", "content-type"];
    expect(
      await httpbis.verifyMessage(
        { keyLookup: async () => verifier, requiredFields, requiredParams: ["created", "expires", "nonce"] },
        plain,
      ),
    ).toBe(true);
    expect(await signed.text()).toBe('{"a":1}');
    expect(headers.get("content-digest")).toBe(await contentDigest('{"a":1}'));
  });
});
