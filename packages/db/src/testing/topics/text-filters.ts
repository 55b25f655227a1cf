// Operators on texts and lists, against plain JavaScript on the same rows.

import { expect } from "vitest";

import type { Suite } from "../suite.js";
import { finder, matching, tables } from "./filter-rows.js";

const ofText: Readonly<Record<string, (value: string, operand: string) => boolean>> = {
  begins_with: (value, operand) => value.startsWith(operand),
  ends_with: (value, operand) => value.endsWith(operand),
  contains: (value, operand) => value.includes(operand),
};

export function textFilters(suite: Suite): void {
  suite.topic("text filters", { tables }, ({ promise }) => {
    const found = finder();

    for (const [op, holds] of Object.entries(ofText))
      promise(`${op} is case-sensitive and takes its text literally`, async ({ db }) => {
        for (const part of ["a", "A", "b", "%", "_", "\\", "a%", "", "é", "e", "😀", "\uffff", " ", "\n", "zzz"]) {
          expect([part, await found(db, { text: { [`$${op}`]: part } })]).toEqual([part, matching("text", (value) => holds(value, part))]);
          expect([part, await found(db, { text: { [`$not_${op}`]: part } })]).toEqual([
            part,
            matching("text", (value) => !holds(value, part)),
          ]);
        }
      });

    promise("like: % is any run, _ any one character, a backslash makes the next ordinary", async ({ db }) => {
      const cases: readonly (readonly [pattern: string, expected: RegExp])[] = [
        ["a%", /^a[^]*$/u],
        ["%b", /^[^]*b$/u],
        ["a_b", /^a[^]b$/u],
        ["_", /^[^]$/u],
        ["a\\%b", /^a%b$/u],
        ["a\\_b", /^a_b$/u],
        ["a\\\\b", /^a\\b$/u],
        ["%", /^[^]*$/u],
        ["", /^$/u],
        ["%e%", /^[^]*e[^]*$/u],
        ["line_end", /^line[^]end$/u],
        ["a\\", /^a\\$/u],
        ["[a]%", /^\[a\][^]*$/u],
      ];
      for (const [pattern, expected] of cases) {
        expect([pattern, await found(db, { text: { $like: pattern } })]).toEqual([
          pattern,
          matching("text", (value: string) => expected.test(value)),
        ]);
        expect([pattern, await found(db, { text: { $not_like: pattern } })]).toEqual([
          pattern,
          matching("text", (value: string) => !expected.test(value)),
        ]);
      }
    });

    promise("ilike folds both sides code point by code point", async ({ db }) => {
      const fold = (text: string): string => [...text].map((c) => ([...c.toLowerCase()].length === 1 ? c.toLowerCase() : c)).join("");
      for (const pattern of ["A", "aB%", "É", "e", "SS", "ẞ", "i%", "İSTANBUL", "İ%", "k", "\u212a"]) {
        const body = [...fold(pattern)]
          .map((c) => (c === "%" ? "[^]*" : c === "_" ? "[^]" : c.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")))
          .join("");
        const expected = new RegExp(`^${body}$`, "u");
        expect([pattern, await found(db, { text: { $ilike: pattern } })]).toEqual([
          pattern,
          matching("text", (value: string) => expected.test(fold(value))),
        ]);
      }
    });

    promise("regular expressions are those of JavaScript, or unsupported", async ({ db }) => {
      for (const [op, flags] of [
        ["regexp", "u"],
        ["iregexp", "iu"],
      ] as const)
        for (const source of ["^a", "b$", "^A.?b", "\\p{Lu}", "^.$"]) {
          const call = found(db, { text: { [`$${op}`]: source } });
          const outcome = await call.catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "unsupported" });
          else expect([source, outcome]).toEqual([source, matching("text", (value: string) => new RegExp(source, flags).test(value))]);
        }
    });
  });
}
