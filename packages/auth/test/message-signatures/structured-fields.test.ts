// Structured fields beside an independent implementation, and what is refused. The working group's own vectors are not kept here.
import * as oracle from "structured-headers";
import { describe, expect, it } from "vitest";
import {
  type BareItem,
  type Member,
  parseDictionary,
  parseItem,
  parseList,
  serializeDictionary,
  serializeList,
  serializeMember,
} from "../../src/message-signatures/structured-fields.js";

const orUndefined = <T>(run: () => T): T | undefined => {
  try {
    return run();
  } catch {
    return undefined;
  }
};

/** A random text that is often a structured field, and often nearly one. */
function* randomTexts(count: number): Generator<string> {
  let seed = 20_240_607;
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const pieces = [
    "a",
    "b",
    "sig1",
    "*k",
    "=",
    "=",
    "=",
    ",",
    ", ",
    ";",
    ";",
    "(",
    ")",
    " ",
    "1",
    "-2",
    "1.5",
    "0.1234",
    '"x"',
    '"\\""',
    '"',
    ":YWI=:",
    ":",
    "?1",
    "?0",
    "tok/en",
    "é",
    "\t",
    "A",
  ];
  for (let index = 0; index < count; index++) yield Array.from({ length: 1 + next(9) }, () => pieces[next(pieces.length)]!).join("");
}

describe("structured fields", () => {
  it("are read and written as an independent implementation does", () => {
    let read = 0;
    const different: unknown[] = [];
    const compare = (text: string, ours: string | undefined, theirs: string | undefined): void => {
      if (ours !== theirs) different.push([text, ours, theirs]);
      if (ours !== undefined) read++;
    };
    for (const text of randomTexts(10_000)) {
      const ours = parseDictionary(text);
      const theirs = orUndefined(() => oracle.parseDictionary(text));
      compare(text, ours && serializeDictionary(ours), theirs && oracle.serializeDictionary(theirs));
      const list = parseList(text);
      const theirList = orUndefined(() => oracle.parseList(text));
      compare(text, list && serializeList(list), theirList && oracle.serializeList(theirList));
    }
    expect(different).toEqual([]);
    expect(read).toBeGreaterThan(500);
  });

  it("keep kinds apart that look alike", () => {
    const kinds = ["1", "1.0", '"a"', "a", ":YQ==:", "?1", "@1", '%"a"'].map((text) => parseItem(text)!.bare.type);
    expect(kinds).toEqual(["integer", "decimal", "string", "token", "bytes", "boolean", "date", "display"]);
  });

  it("are refused where they are none", () => {
    const items = [
      "",
      "a b",
      '"a',
      '"\\a"',
      '"é"',
      '"\ud800"',
      "1.",
      "1.1234",
      "1234567890123456",
      "1234567890123.1",
      "--1",
      ":a:",
      ":YQ==",
      "?2",
      "@1.5",
      '%"%zz"',
      '%"%ff"',
      "a;A=1",
      "a;=1",
      "\ta",
    ];
    for (const text of items) expect([text, parseItem(text)]).toEqual([text, undefined]);
    for (const text of ["a,", ",a", "a,,b", "(a", "(a,b)", "a)", '("a""b")']) expect([text, parseList(text)]).toEqual([text, undefined]);
    for (const text of ["A=1", "a=", "a=1,", "=1", "a =1", "a=1 b=2"]) expect([text, parseDictionary(text)]).toEqual([text, undefined]);
  });

  it("count the last of several members, or fail where each must be the only one", () => {
    expect(serializeDictionary(parseDictionary("a=1, b=2, a=3;x;x=4")!)).toBe("a=3;x=4, b=2");
    for (const text of ["a=1, a=1", "a;x;x", "a=(b;x;x)"])
      expect([text, parseDictionary(text, { unique: true })]).toEqual([text, undefined]);
  });

  it("that have no text are not written", () => {
    const bare: readonly BareItem[] = [
      { type: "string", value: "é" },
      { type: "string", value: "\n" },
      { type: "token", value: "a b" },
      { type: "token", value: "" },
      { type: "integer", value: 1e15 },
      { type: "integer", value: 1.5 },
      { type: "decimal", value: 1e12 },
      { type: "decimal", value: Number.NaN },
      { type: "display", value: "\ud800" },
    ];
    for (const value of bare) expect([value, serializeMember({ bare: value, parameters: new Map() })]).toEqual([value, undefined]);
    const member: Member = { bare: { type: "integer", value: 1 }, parameters: new Map() };
    expect(serializeDictionary(new Map([["A", member]]))).toBeUndefined();
    expect(serializeMember({ ...member, parameters: new Map([["a b", member.bare]]) })).toBeUndefined();
  });

  it("round decimals half to even", () => {
    const written = (value: number): string | undefined => serializeMember({ bare: { type: "decimal", value }, parameters: new Map() });
    expect([0.0005, 0.0015, 1, -2.5, 123_456_789_012.125].map(written)).toEqual(["0.0", "0.002", "1.0", "-2.5", "123456789012.125"]);
  });

  it("of great length take time in proportion to it", () => {
    const text = `a=(${'"x" '.repeat(20_000)}`;
    expect(parseDictionary(text)).toBeUndefined();
    expect(parseItem(`"${"\\".repeat(40_000)}`)).toBeUndefined();
    expect(parseList(`${"a, ".repeat(20_000)}b`)).toHaveLength(20_001);
  });
});
