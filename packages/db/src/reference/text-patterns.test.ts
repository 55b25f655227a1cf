import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closePattern, compilePattern, escapePattern, foldText } from "./text-patterns.js";

const like = (pattern: string, text: string): boolean => compilePattern(pattern, false)(text);
const ilike = (pattern: string, text: string): boolean => compilePattern(pattern, true)(text);

const character = fc.constantFrom("a", "B", "%", "_", "\\", "\n", "é", "\u{1f600}");
const text = fc.string({ unit: character, maxLength: 8 });

/** The meaning of a pattern, by recursion over lists of code points. */
function matches(pattern: readonly string[], chars: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return chars.length === 0;
  if (first === "%") return matches(rest, chars) || (chars.length > 0 && matches(pattern, chars.slice(1)));
  if (first === "_") return chars.length > 0 && matches(rest, chars.slice(1));
  const isEscape = first === "\\" && rest.length > 0;
  return chars[0] === (isEscape ? rest[0] : first) && matches(isEscape ? rest.slice(1) : rest, chars.slice(1));
}

describe("compilePattern", () => {
  it("matches what the definition of patterns says", () => {
    fc.assert(
      fc.property(text, text, (pattern, value) => {
        expect(like(pattern, value)).toBe(matches(Array.from(pattern), Array.from(value)));
      }),
      { numRuns: 3000 },
    );
  });

  it("takes a code point, line ends included, as one character", () => {
    expect(like("_", "\u{1f600}")).toBe(true);
    expect(like("__", "\u{1f600}")).toBe(false);
    expect(like("a_b", "a\nb")).toBe(true);
    expect(like("a%b", "a\r\n\u2028b")).toBe(true);
    expect(like("%_", "\u{1f600}")).toBe(true);
  });

  it("matches a text that was escaped alone", () => {
    fc.assert(
      fc.property(text, text, (value, other) => {
        expect(like(escapePattern(value), other)).toBe(value === other);
        expect(like(`${escapePattern(value)}%`, other)).toBe(other.startsWith(value));
      }),
    );
  });

  it("means the same after its lone backslash was closed, and then has none", () => {
    expect(closePattern("a\\")).toBe("a\\\\");
    expect(closePattern("a\\\\")).toBe("a\\\\");
    fc.assert(
      fc.property(text, text, (pattern, value) => {
        expect(like(closePattern(pattern), value)).toBe(like(pattern, value));
        expect(closePattern(closePattern(pattern))).toBe(closePattern(pattern));
      }),
    );
  });

  it("folds both sides by code point", () => {
    expect(ilike("ÉCOLE%", "école 1")).toBe(true);
    expect(ilike("straße", "STRASSE")).toBe(false);
    expect(like("A", "a")).toBe(false);
    // U+0130 becomes two code points in lower case, and so stays as it is.
    expect(ilike("\u0130", "i\u0307")).toBe(false);
    expect(ilike("\u0130", "\u0130")).toBe(true);
    expect(foldText("ΑΣ\u{10400}")).toBe("ασ\u{10428}");
    const letters = fc.string({
      unit: fc.constantFrom("a", "A", "é", "É", "ß", "ẞ", "Σ", "σ", "\u0130", "\u{10400}", "\u{10428}"),
      maxLength: 2,
    });
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        expect(ilike(escapePattern(a), b)).toBe(foldText(a) === foldText(b));
      }),
    );
  });

  it("answers soon where a backtracking matcher would not", () => {
    expect(like(`${"%a".repeat(30)}%b`, "a".repeat(5000))).toBe(false);
  });
});
