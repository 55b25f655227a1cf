// The examples of RFC 9421 itself: appendix B for keys, messages and signatures, section 2 for the values of components.
import { describe, expect, it } from "vitest";
import {
  checkContentDigest,
  contentDigest,
  type HttpMessage,
  type RequestMessage,
  signMessage,
  verifyMessage,
} from "../../src/message-signatures/index.js";
import { signatureBase } from "../../src/message-signatures/signature-base.js";
import { parseItem, parseList, type InnerList } from "../../src/message-signatures/structured-fields.js";

const secret = Buffer.from("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==", "base64");
const jwk = {
  kty: "OKP",
  crv: "Ed25519",
  kid: "test-key-ed25519",
  d: "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
  x: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
};
const publicPem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n";
const privatePem =
  "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
const created = new Date(1_618_884_473_000);
const clock = {
  now: () => created.getTime(),
  random: () => 0,
  randomBytes: (count: number) => new Uint8Array(count),
  sleep: async () => undefined,
};

const testRequest: RequestMessage = {
  method: "POST",
  url: "https://example.com/foo?param=Value&Pet=dog",
  headers: {
    Host: "example.com",
    Date: "Tue, 20 Apr 2021 02:07:55 GMT",
    "Content-Type": "application/json",
    "Content-Digest": "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    "Content-Length": "18",
  },
};

const inputOf = (text: string): InnerList => parseList(text)![0] as InnerList;
const baseOf = (message: HttpMessage, input: string): string => {
  const base = signatureBase(message, inputOf(input));
  if ("problem" in base) throw new Error(base.problem);
  return base.text;
};
/** The value of one component. */
const valueOf = (message: HttpMessage, identifier: string): string => {
  const [line] = baseOf(message, `(${identifier})`).split("\n");
  expect(parseItem(identifier)).toBeDefined();
  return line!.slice(identifier.length + 2);
};

describe("the keys and messages of RFC 9421", () => {
  const hmac = {
    "signature-input": 'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    signature: "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
  };
  const edwards = {
    "signature-input":
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    signature: "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
  };
  const signed = (fields: Record<string, string>): RequestMessage => ({ ...testRequest, headers: { ...testRequest.headers, ...fields } });

  it("B.2.5: hmac-sha256 is signed to the letter, and verified", async () => {
    const key = { algorithm: "hmac-sha256", secret } as const;
    const components = ["date", "@authority", "content-type"];
    expect(await signMessage(testRequest, { key, keyid: "test-shared-secret", label: "sig-b25", created, components })).toEqual(hmac);
    const findKey = (keyid: string) => (keyid === "test-shared-secret" ? key : undefined);
    expect(await verifyMessage(signed(hmac), { findKey, required: components, clock })).toMatchObject({ ok: true });
  });

  it("B.2.6: ed25519 is signed to the letter with each form of the key, and verified", async () => {
    const components = ["date", "@method", "@path", "@authority", "content-type", "content-length"];
    for (const privateKey of [jwk, privatePem]) {
      const key = { algorithm: "ed25519", privateKey } as const;
      expect(await signMessage(testRequest, { key, keyid: "test-key-ed25519", label: "sig-b26", created, components })).toEqual(edwards);
    }
    const spki = Buffer.from(publicPem.replaceAll(/-----.*-----|\n/g, ""), "base64");
    const ready = await crypto.subtle.importKey("spki", spki, "Ed25519", false, ["verify"]);
    for (const publicKey of [jwk, publicPem, ready]) {
      const findKey = () => ({ algorithm: "ed25519", publicKey }) as const;
      expect(await verifyMessage(signed(edwards), { findKey, required: ["@method"], clock })).toMatchObject({ ok: true });
    }
  });

  it("B.2.1 to B.2.4: the signature bases of the other examples", () => {
    expect(baseOf(testRequest, '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"')).toBe(
      '"@signature-params": ();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
    );
    const selective =
      '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"';
    expect(baseOf(testRequest, selective).split("\n")).toEqual([
      '"@authority": example.com',
      '"content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
      '"@query-param";name="Pet": dog',
      `"@signature-params": ${selective}`,
    ]);
    expect(baseOf(testRequest, '("@method" "@path" "@query" "content-length")').split("\n").slice(0, 4)).toEqual([
      '"@method": POST',
      '"@path": /foo',
      '"@query": ?param=Value&Pet=dog',
      '"content-length": 18',
    ]);
    expect(valueOf({ status: 200, headers: {} }, '"@status"')).toBe("200");
  });

  it("B.4: a signature holds through what proxies may do to a message, and not through other changes", async () => {
    const fields = {
      "Signature-Input": 'transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
      Signature: "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:",
    };
    const url = "https://example.org/demo?name1=Value1&Name2=value2";
    const outcome = (message: Partial<RequestMessage>, accept: string | string[] = ["application/json", "*/*"]) => {
      const whole = { method: "GET", url, ...message, headers: { Accept: accept, ...fields, ...(message.headers as object) } };
      return verifyMessage(whole, { findKey: () => ({ algorithm: "ed25519", publicKey: publicPem }), required: [], clock });
    };
    expect(await outcome({})).toMatchObject({ ok: true });
    expect(await outcome({ url: `${url}&param=added`, headers: { "Accept-Language": "en-US,en;q=0.5" } })).toMatchObject({ ok: true });
    expect(await outcome({}, "application/json, */*")).toMatchObject({ ok: true });
    expect(await outcome({ method: "POST" })).toMatchObject({ problem: "signature" });
    expect(await outcome({ url: url.replace("example.org", "example.com") })).toMatchObject({ problem: "signature" });
    expect(await outcome({}, ["*/*", "application/json"])).toMatchObject({ problem: "signature" });
  });

  it("the digests of the bodies are those of the examples", async () => {
    const header = (testRequest.headers as Record<string, string>)["Content-Digest"]!;
    expect(await contentDigest('{"hello": "world"}', "sha-512")).toBe(header);
    expect(await checkContentDigest(header, '{"hello": "world"}')).toBe("fits");
    expect(await contentDigest('{"hello": "world"}')).toBe("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
  });
});

describe("the values of components in section 2 of RFC 9421", () => {
  it("fields: lines are joined, trimmed and unfolded", () => {
    const message = {
      method: "GET",
      url: "https://www.example.com/",
      headers: {
        "X-OWS-Header": "   Leading and trailing whitespace.   ",
        "X-Obs-Fold-Header": "Obsolete\r\n    line folding.",
        "Cache-Control": ["max-age=60", "   must-revalidate"],
        "Example-Dict": "  a=1,    b=2;x=1;y=2,   c=(a   b   c), d",
        "X-Empty-Header": "",
      },
    };
    expect(valueOf(message, '"x-ows-header"')).toBe("Leading and trailing whitespace.");
    expect(valueOf(message, '"x-obs-fold-header"')).toBe("Obsolete line folding.");
    expect(valueOf(message, '"cache-control"')).toBe("max-age=60, must-revalidate");
    expect(valueOf(message, '"example-dict"')).toBe("a=1,    b=2;x=1;y=2,   c=(a   b   c), d");
    expect(valueOf(message, '"x-empty-header"')).toBe("");
  });

  it("sf and key: dictionaries are written anew, whole or one member of them", () => {
    const headers = { "Example-Dict": "  a=1,    b=2;x=1;y=2,   c=(a   b    c), d" };
    const message = { method: "GET", url: "https://www.example.com/", headers };
    const base = signatureBase(message, inputOf('("example-dict";sf)'), { "example-dict": "dictionary" });
    expect(base).toMatchObject({ text: expect.stringMatching(/^"example-dict";sf: a=1, b=2;x=1;y=2, c=\(a b c\), d\n/) });
    expect(valueOf(message, '"example-dict";key="a"')).toBe("1");
    expect(valueOf(message, '"example-dict";key="d"')).toBe("?1");
    expect(valueOf(message, '"example-dict";key="b"')).toBe("2;x=1;y=2");
    expect(valueOf(message, '"example-dict";key="c"')).toBe("(a b c)");
  });

  it("bs: each line is a byte sequence, so that a comma inside one is told from one between two", () => {
    const message = (lines: string | string[]) => ({
      method: "GET",
      url: "https://www.example.com/",
      headers: { "Example-Header": lines },
    });
    expect(valueOf(message(["value, with, lots", "of, commas"]), '"example-header";bs')).toBe(
      ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:",
    );
    expect(valueOf(message("value, with, lots, of, commas"), '"example-header";bs')).toBe(":dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:");
  });

  it("derived components", () => {
    const at = (url: string) => ({ method: "POST", url, headers: {} });
    const message = at("https://WWW.example.com:443/path?param=value");
    expect(valueOf(message, '"@method"')).toBe("POST");
    expect(valueOf(message, '"@target-uri"')).toBe("https://www.example.com/path?param=value");
    expect(valueOf(message, '"@authority"')).toBe("www.example.com");
    expect(valueOf(at("http://www.example.com:8080/"), '"@authority"')).toBe("www.example.com:8080");
    expect(valueOf(message, '"@scheme"')).toBe("https");
    expect(valueOf(message, '"@request-target"')).toBe("/path?param=value");
    expect(valueOf(message, '"@path"')).toBe("/path");
    expect(valueOf(at("https://www.example.com"), '"@path"')).toBe("/");
    expect(valueOf(at("https://www.example.com/path?param=value&foo=bar&baz=bat%2Dman"), '"@query"')).toBe(
      "?param=value&foo=bar&baz=bat%2Dman",
    );
    expect(valueOf(at("https://www.example.com/path?queryString"), '"@query"')).toBe("?queryString");
    expect(valueOf(at("https://www.example.com/path"), '"@query"')).toBe("?");
  });

  it("query parameters are decoded and encoded anew, by name", () => {
    const message = { method: "GET", url: "https://www.example.com/path?param=value&foo=bar&baz=batman&qux=", headers: {} };
    expect(valueOf(message, '"@query-param";name="baz"')).toBe("batman");
    expect(valueOf(message, '"@query-param";name="qux"')).toBe("");
    const odd = {
      ...message,
      url: "https://www.example.com/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something",
    };
    expect(valueOf(odd, '"@query-param";name="var"')).toBe("this%20is%20a%20big%0Amultiline%20value");
    expect(valueOf(odd, '"@query-param";name="bar"')).toBe("with%20plus%20whitespace");
    expect(valueOf(odd, '"@query-param";name="fa%C3%A7ade%22%3A%20"')).toBe("something");
  });

  it("req: a response covers parts of the request that it answers", () => {
    const response = { status: 503, headers: { "Content-Type": "application/json" }, request: testRequest };
    const input = '("@status" "content-type" "@method";req "@authority";req "content-digest";req)';
    expect(baseOf(response, input).split("\n").slice(0, 4)).toEqual([
      '"@status": 503',
      '"content-type": application/json',
      '"@method";req: POST',
      '"@authority";req: example.com',
    ]);
  });
});
