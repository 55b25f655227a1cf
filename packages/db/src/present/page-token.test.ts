import crypto from "node:crypto";
import { expect, test } from "vitest";

import { always } from "../reference/condition.js";
import { DbError } from "../errors.js";
import { compileTables } from "../schema/compile-table.js";
import { encodeKey } from "../schema/ordered-text.js";
import { queryIdentity, tokenCodec } from "./page-token.js";
import { nodeCipher, webCipher } from "./token-cipher.js";

const table = compileTables({ t: { a: { primary: 1 }, n: { type: "int" }, at: { type: "timestamp" } } }).get("t")!;
const order = ["n", "at", "a"].map((name) => ({ column: table.byName.get(name)!, descending: name === "n" }));
const position = [null, new Date(1_700_000_000_123), "ä|\\😀"];
const question = queryIdentity(table, always, [], order, []);

const ciphers = { "Node's": nodeCipher(crypto), "the web's": webCipher() };
const keys = [undefined, "0123456789abcdef"];

for (const [key, [whose, cipher]] of keys.flatMap((each) => Object.entries(ciphers).map((entry) => [each, entry] as const))) {
  const kind = `${key === undefined ? "a token" : "a sealed token"} by ${whose} cryptography`;
  const codec = tokenCodec(key, cipher);

  test(`${kind} gives its position back and is safe in a URL`, async () => {
    const token = await codec.encode(question, position, order);
    expect(token).toMatch(/^[\w-]+$/);
    expect(await codec.decode(question, token, order)).toEqual(position);
    for (const other of Object.values(ciphers)) expect(await tokenCodec(key, other).decode(question, token, order)).toEqual(position);
  });
  test(`${kind} with any character changed is invalid`, async () => {
    const token = await codec.encode(question, position, order);
    for (let i = 0; i < token.length; i++) {
      const forged = token.slice(0, i) + (token[i] === "A" ? "B" : "A") + token.slice(i + 1);
      await expect(codec.decode(question, forged, order)).rejects.toThrow(DbError);
    }
    for (const bad of ["", "x", token.slice(1), `${token}A`, `${token}=`])
      await expect(codec.decode(question, bad, order)).rejects.toThrow(DbError);
  });
  test(`${kind} of another question is invalid`, async () => {
    const token = await codec.encode(question, position, order);
    await expect(codec.decode(queryIdentity(table, always, [], order, ["other"]), token, order)).rejects.toThrow(
      /another table, filter or sort/,
    );
  });
}

test("a sealed token shows nothing of its position and is of no use with another key", async () => {
  const token = await tokenCodec("0123456789abcdef").encode(question, position, order);
  expect(Buffer.from(token, "base64url").includes("ä")).toBe(false);
  await expect(tokenCodec("another key of 16").decode(question, token, order)).rejects.toThrow(DbError);
});

// Without a key anybody can compute the checksum, and the digest of the question.
function forged(text: string | Uint8Array): string {
  const sha256 = (data: string | Uint8Array): Buffer => crypto.createHash("sha256").update(data).digest();
  const body = Buffer.concat([sha256(question).subarray(0, 12), Buffer.from(text as string, "utf8")]);
  return Buffer.concat([sha256(body).subarray(0, 8), body]).toString("base64url");
}

const columns = order.map(({ column }) => column);
const unkeyed = tokenCodec(undefined);

test("a token without a key that holds what its columns can hold is read", async () => {
  expect(await unkeyed.decode(question, forged(encodeKey(columns, position)), order)).toEqual(position);
});

test.each([
  ["nothing", ""],
  ["fewer columns", encodeKey(columns, position.slice(0, 2))],
  ["more than its columns", `${encodeKey(columns, position)}x`],
  ["no text's end", encodeKey(columns, position).slice(0, -1)],
  ["digits that are none", "\u0002zzzz"],
  ["other words than null and present", `\u0003${encodeKey(columns, position).slice(1)}`],
  ["an int beyond 2^53", encodeKey(columns, [2n ** 60n, ...position.slice(1)])],
  ["a time outside its years", encodeKey(columns, [1, new Date(-8e15), "a"])],
  ["a text with U+0000", encodeKey(columns, [1, null, "a\0b"])],
  ["an unfinished escape", `${encodeKey(columns, [1, null])}\u0002\u0001`],
  ["bytes that are no UTF-8", new Uint8Array([1, 1, 0xff, 1])],
])("a forged token is invalid, whatever it holds: %s", async (_what, text) => {
  await expect(unkeyed.decode(question, forged(text), order)).rejects.toMatchObject({ name: "DbError", code: "invalid" });
});
