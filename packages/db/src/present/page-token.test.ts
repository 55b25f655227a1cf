import { expect, test } from "vitest";

import { always } from "../reference/condition.js";
import { DbError } from "../errors.js";
import { compileTables } from "../schema/compile-table.js";
import { queryIdentity, tokenCodec } from "./page-token.js";

const table = compileTables({ t: { a: { primary: 1 }, n: { type: "int" }, at: { type: "timestamp" } } }).get("t")!;
const order = ["n", "at", "a"].map((name) => ({ column: table.byName.get(name)!, descending: name === "n" }));
const position = [null, new Date(1_700_000_000_123), "ä|\\😀"];
const question = queryIdentity(table, always, [], order, "");

for (const key of [undefined, "0123456789abcdef"]) {
  const kind = key === undefined ? "a token" : "a sealed token";
  const codec = tokenCodec(key);

  test(`${kind} gives its position back and is safe in a URL`, () => {
    const token = codec.encode(question, position, order);
    expect(token).toMatch(/^[\w-]+$/);
    expect(codec.decode(question, token, order)).toEqual(position);
  });
  test(`${kind} with any character changed is invalid`, () => {
    const token = codec.encode(question, position, order);
    for (let i = 0; i < token.length; i++) {
      const forged = token.slice(0, i) + (token[i] === "A" ? "B" : "A") + token.slice(i + 1);
      expect(() => codec.decode(question, forged, order)).toThrow(DbError);
    }
    for (const bad of ["", "x", token.slice(1), `${token}A`, `${token}=`])
      expect(() => codec.decode(question, bad, order)).toThrow(DbError);
  });
  test(`${kind} of another question is invalid`, () => {
    const token = codec.encode(question, position, order);
    expect(() => codec.decode(queryIdentity(table, always, [], order, "other"), token, order)).toThrow(/another table, filter or sort/);
  });
}

test("a sealed token shows nothing of its position and is of no use with another key", () => {
  const token = tokenCodec("0123456789abcdef").encode(question, position, order);
  expect(Buffer.from(token, "base64url").includes("ä")).toBe(false);
  expect(() => tokenCodec("another key of 16").decode(question, token, order)).toThrow(DbError);
});
