import { describe, expect, it } from "vitest";
import { plainText } from "./plain-text.js";

describe("plainText", () => {
  it("leaves printable text of every language as it is", () => {
    for (const text of ["", "GET /a?b", "Città 東京 🐦"]) expect(plainText(text)).toBe(text);
  });

  it("escapes control, format and separator characters and lone surrogates, so that JSON stays what it was", () => {
    const text = "\u001b\u0000\u0085\u00ad\u200b\u2028\u202e\ufeff\ud800";
    const plain = plainText(text);
    expect(plain).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(`"${plain}"`)).toBe(text);
    const beyond = "\u{e0001}";
    expect(JSON.parse(plainText(JSON.stringify({ beyond })))).toEqual({ beyond });
  });

  it("cuts what is longer than asked, and says how long it was", () => {
    expect(plainText("x".repeat(12_000), 3)).toBe("xxx… (12000 characters)");
  });
});
