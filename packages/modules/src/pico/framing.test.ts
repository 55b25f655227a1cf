// What is framed is read back as it was, whatever it holds and whatever stands between.
import { BkError } from "@bk/core";
import { describe, expect, it } from "vitest";

import { framedTexts, readFramed, withoutSeparator } from "./framing.js";

const delimiters: readonly (readonly unknown[])[] = [["crlf"], [","], [": "], ["]["], ["\\"], ["[", "]"], [], [1], ["\n"]];

const parse = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new BkError("invalid", `${what} is not valid JSON`);
  }
};

/** Data that holds what stands between in all the ways that JSON has. */
const meanData = (separator: string, list: readonly unknown[]): unknown[] => [
  undefined,
  "",
  separator,
  `${separator}${separator}[`,
  list,
  [list, [list]],
  { [separator]: separator, list },
  { "[": "]", a: '"[', b: "\\[", c: '["', d: ['["', "["] },
  { blob: "as it is", more: [{ json: '{"raw":[1, 2]}' }, { blob: "" }] },
  { blob: `torn by ${separator}`, json: "whole" },
  { json: null },
];

async function all(packets: readonly object[], separator: string): Promise<string> {
  async function* each(): AsyncGenerator<object> {
    yield* packets;
  }
  let text = "";
  for await (const part of framedTexts(each(), separator)) text += part;
  return text;
}

describe.each(delimiters)("framed by %j", (...list) => {
  const separator = JSON.stringify(list);

  it("packets are read back as they were", async () => {
    const data = meanData(separator, list);
    const packets = data.map((each, reqId) => ({ api: `an api ${separator}`, reqId, data: each }));
    const { channel, orders } = readFramed(await all([["id pass"], ...packets], separator), separator, parse);
    expect(channel).toBe("id pass");
    expect(orders.map(({ api, reqId, data: held }) => ({ api, reqId, data: held }))).toEqual(packets);
  });

  it("a JSON text says the same without it", () => {
    for (const data of meanData(separator, list).slice(1)) {
      const text = withoutSeparator(JSON.stringify(data), separator);
      expect(JSON.parse(text)).toEqual(data);
      expect((text + separator).indexOf(separator)).toBe(text.length);
    }
  });
});

it("what is no text stands as JSON in a part of its own, and nothing is a part alone", async () => {
  const packet = { reqId: 1, data: { json: { a: 1 }, in: [{ blob: 5 }, { json: undefined }] } };
  expect(await all([packet], "|")).toBe('|{"reqId":1,"len":3}|{"json":1,"in":[{"blob":2},{}]}|{"a":1}|5|');
  expect(await all([], "|")).toBe("|");
});
