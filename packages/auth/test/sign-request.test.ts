import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { bodyChecksum, parseSignature, signRequest, signUrl, type SignOptions } from "../src/index.js";

const base: SignOptions = { url: "https://example.com/x", login: "bob", secret: "s3cret" };
const valueOf = async (options: Partial<SignOptions> = {}) =>
  parseSignature((await signRequest({ ...base, ...options }))["bk-signature"]!)!;

describe("signRequest", () => {
  it("gives other headers each time for one request", async () => {
    const clock = testClock();
    const [one, two] = [await valueOf({ clock }), await valueOf({ clock })];
    expect(one.tag).toMatch(/^[\w-]{16}$/);
    expect(one.tag).not.toBe(two.tag);
    expect(one.digest).not.toBe(two.digest);
    expect(await valueOf({ clock, tag: "t" })).toEqual(await valueOf({ clock, tag: "t" }));
  });

  it("holds for 30 seconds unless told otherwise", async () => {
    const clock = testClock({ now: 1_000_000 });
    expect((await valueOf({ clock })).expires).toBe("1030000");
    expect((await valueOf({ clock, ttlMs: 5 })).expires).toBe("1000005");
    expect((await valueOf({ clock, ttlMs: 5, expires: new Date(42) })).expires).toBe("42");
  });

  it("adds the checksum of every body, and none where there is no body", async () => {
    const body = "é日";
    const checksum = await bodyChecksum(body);
    for (const same of [body, new TextEncoder().encode(body), new TextEncoder().encode(body).buffer]) {
      expect((await valueOf({ method: "POST", body: same })).checksum).toBe(checksum);
    }
    expect((await valueOf({ method: "POST", body: new URLSearchParams("a=1") })).checksum).toBe(await bodyChecksum("a=1"));
    expect((await valueOf({ method: "POST", body, checksum: false })).checksum).toBe("");
    for (const none of ["", null, undefined]) expect((await valueOf({ method: "POST", body: none })).checksum).toBe("");
  });

  it("gives the content type that goes with the body", async () => {
    const typeOf = async (options: Partial<SignOptions>) => (await signRequest({ ...base, method: "POST", ...options }))["content-type"];
    expect(await typeOf({})).toBeUndefined();
    expect(await typeOf({ body: "{}" })).toBe("application/json");
    expect(await typeOf({ body: new Uint8Array(1) })).toBe("application/octet-stream");
    expect(await typeOf({ body: new URLSearchParams("a=1") })).toBe("application/x-www-form-urlencoded;charset=UTF-8");
    expect(await typeOf({ body: "x", contentType: "text/plain" })).toBe("text/plain");
    expect(await typeOf({ body: "x", contentType: "" })).toBeUndefined();
  });

  it.each([
    ["login", { login: "" }],
    ["login", { login: "a|b" }],
    ["login", { login: "a\u0000b" }],
    ["login", { login: "\ud800" }],
    ["login", { login: "x".repeat(141) }],
    ["login", { login: undefined as unknown as string }],
    ["tag", { tag: "a|b" }],
    ["tag", { tag: "a\nb" }],
    ["secret", { secret: "" }],
    ["method", { method: "GET /" }],
    ["method", { method: "" }],
    ["version", { version: 5 as never }],
    ["host", { url: "/x" }],
    ["host", { host: "a b" }],
    ["host", { host: "a, b" }],
    ["url", { url: "x" }],
    ["url", { url: "ftp://h/x" }],
    ["url", { url: "https://user:pass@h/x" }],
    ["url", { url: "/é", host: "h" }],
    ["url", { url: "/a b", host: "h" }],
    ["url", { url: "/x?=1", host: "h" }],
    ["url", { url: "/x?bk-signature=1", host: "h" }],
    ["contentType", { contentType: "a\nb" }],
    ["body", { body: new Blob(["x"]) as unknown as string }],
    ["body", { method: "POST", contentType: "application/x-www-form-urlencoded", body: "=1" }],
    ["body", { method: "POST", contentType: "application/x-www-form-urlencoded", body: Uint8Array.of(255) }],
    ["expires", { expires: 5 as unknown as Date }],
    ["expires", { expires: new Date("x") }],
    ["ttlMs", { ttlMs: NaN }],
    ["ttlMs", { ttlMs: -1 }],
  ] as [string, Partial<SignOptions>][])("refuses a wrong %s: %o", async (field, options) => {
    await expect(signRequest({ ...base, ...options })).rejects.toMatchObject({ name: "AuthError", code: "invalid", detail: { field } });
  });

  it("says nothing of a secret in an error", async () => {
    const error: unknown = await signRequest({ ...base, secret: "s3cret", url: "https://u:s3cret@h/" }).catch((caught: unknown) => caught);
    expect(String(error)).not.toContain("s3cret");
  });
});

describe("signUrl", () => {
  it("keeps the form of the URL", async () => {
    const options = { ...base, tag: "", expires: new Date(1) };
    const text = "bk-signature=4%7C%7Cbob%7C[^&]+%7C1%7C%7C";
    expect(await signUrl(options)).toMatch(new RegExp(`^https://example\\.com/x\\?${text}$`));
    expect(await signUrl({ ...options, url: "https://example.com/x?a=1#top" })).toMatch(
      new RegExp(`^https://example\\.com/x\\?a=1&${text}#top$`),
    );
    expect(await signUrl({ ...options, url: "/x?a=1", host: "h" })).toMatch(new RegExp(`^/x\\?a=1&${text}$`));
    expect(await signUrl({ ...options, url: new URL("wss://h:1/x") })).toMatch(/^wss:\/\/h:1\/x\?/);
  });
});
