import { describe, expect, it } from "vitest";

import { askedLanguages, languageChain } from "./accept-language.js";

describe("languages that are asked for", () => {
  it.each([
    ["es", ["es"]],
    ["en;q=0.5, es;q=0.8, fr", ["fr", "es", "en"]],
    ["de, fr;q=0, es;q=0.001", ["de", "es"]],
    ["zh-Hant-TW, *;q=0.1", ["zh-hant-tw", "*"]],
    ["a, b, a;q=1.5, c;q=x, d;q=-1", ["a", "b"]],
    ["", []],
    [" ,;,;;q=1,__proto__,es\u0000,../x,<script>", []],
    [`${"x,".repeat(400)}es`, Array.from({ length: 20 }, () => "x")],
  ])("%j", (header, tags) => {
    expect(askedLanguages(header)).toEqual(tags);
  });

  it.each([
    [["zh-hant-tw"], ["zh-hant", "zh"]],
    [
      ["fr-ca", "es"],
      ["fr", "es"],
    ],
    [["pt"], ["pt-br"]],
    [["pt-pt"], ["pt-br"]],
    [["en-x-own"], ["en"]],
    [["xx", "*", "es"], []],
    [["constructor", "__proto__"], []],
  ])("%j is looked for in %j", (asked, chain) => {
    expect(languageChain(asked, new Set(["en", "es", "fr", "pt-br", "zh", "zh-hant"]))).toEqual(chain);
  });
});
