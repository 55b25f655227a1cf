// With Node's Buffer and without it, bytes and strings are the same.
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import * as withBuffer from "./bytes.js";

const NodeBuffer = globalThis.Buffer;
vi.resetModules();
vi.stubGlobal("Buffer", undefined);
const without = await import("./bytes.js");
vi.unstubAllGlobals();
afterAll(() => vi.resetModules());

const bytes = fc.uint8Array({ maxLength: 200 });

describe.each([
  ["with Buffer", withBuffer],
  ["without Buffer", without],
])("bytes as strings, %s", (_name, these) => {
  it("are base64 and back", () =>
    fc.assert(
      fc.property(bytes, (some) => {
        const buffer = NodeBuffer.from(some);
        expect(these.bytesToBase64(some)).toBe(buffer.toString("base64"));
        expect(these.bytesToBase64Url(some)).toBe(buffer.toString("base64url"));
        expect(these.base64ToBytes(buffer.toString("base64"))).toStrictEqual(some);
        expect(these.base64ToBytes(buffer.toString("base64url"))).toStrictEqual(some);
      }),
    ));

  it("are hexadecimal digits and back, after a prefix too", () =>
    fc.assert(
      fc.property(bytes, (some) => {
        expect(these.bytesToHex(some)).toBe(NodeBuffer.from(some).toString("hex"));
        expect(these.hexToBytes(`\\x${these.bytesToHex(some)}`, 2)).toStrictEqual(some);
      }),
    ));

  it("have the length of UTF-8", () =>
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void expect(these.utf8Length(text)).toBe(NodeBuffer.byteLength(text)))));

  it("hold more than the arguments that one call takes", () => {
    const many = new Uint8Array(300_000).map((_, i) => i);
    expect(these.base64ToBytes(these.bytesToBase64(many))).satisfy((read: Uint8Array) => NodeBuffer.from(read).equals(many));
  });
});
