import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Log, silentLog } from "@bk/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { extractPhrases, phrasesIn } from "./extract-phrases.js";
import { openLocales } from "./locales.js";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "bk-locales-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: object | string): string {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(`${file}.new`, typeof content === "string" ? content : JSON.stringify(content));
  renameSync(`${file}.new`, file);
  return file;
}
const at = (...names: string[]): string[] => names.map((name) => join(folder, name));

describe("phrases", () => {
  it("are told in the first language that has them, of all folders", async () => {
    write("a/es.json", { Hello: "Hola", "Good bye": "Adiós" });
    write("a/fr.json", { Hello: "Bonjour" });
    write("b/es.json", { Hello: "¡Hola!" });
    write("b/pt_BR.json", { Hello: "Olá" });
    const locales = await openLocales({ folders: at("a", "b"), reloadMs: 0 });
    expect(locales.translate("es-MX", "Hello")).toEqual({ text: "¡Hola!", language: "es" });
    expect(locales.translate("es", "Good bye").text).toBe("Adiós");
    expect(locales.translate("fr, es;q=0.5", "Good bye")).toEqual({ text: "Adiós", language: "es" });
    expect(locales.translate("pt", "Hello").text).toBe("Olá");
    expect(locales.translate("de", "Hello")).toEqual({ text: "Hello", language: undefined });
    expect(locales.translate(undefined, "Hello").text).toBe("Hello");
    // What is written in the language that is wanted most needs no translation.
    expect(locales.translate("en, es", "Hello")).toEqual({ text: "Hello", language: "en" });
    locales.close();
  });

  it("have numbers as the language has them, and arguments in any order", async () => {
    write("en.json", { "%d files": { one: "%d file", other: "%d files" } });
    write("pl.json", { "%d files": { one: "%d plik", few: "%d pliki", many: "%d plików", other: "%d pliku" } });
    write("es.json", { "%s sent %s": "%2$s es de %1$s, 100%%", data: "%j %s" });
    const locales = await openLocales({ folders: at("."), reloadMs: 0 });
    expect([1, 3, 5, 22].map((n) => locales.translate("pl", "%d files", [n]).text)).toEqual(["1 plik", "3 pliki", "5 plików", "22 pliki"]);
    expect([1, 2].map((n) => locales.translate("en", "%d files", [n]).text)).toEqual(["1 file", "2 files"]);
    expect(locales.translate(undefined, "%d files", [1]).text).toBe("1 file");
    expect(locales.translate("es", "%s sent %s", ["Ann", "it"]).text).toBe("it es de Ann, 100%");
    expect(locales.translate("es", "data", [{ a: 1 }]).text).toBe('{"a":1} %s');
    // What stands in arguments is no placeholder.
    expect(locales.translate("es", "%s sent %s", ["%2$s", "%s"]).text).toBe("%s es de %2$s, 100%");
    locales.close();
  });

  it("and languages may be called as members of objects are", async () => {
    write("es.json", '{"__proto__": "proto", "a": "b"}');
    const locales = await openLocales({ folders: at("."), reloadMs: 0 });
    for (const name of ["constructor", "toString", "hasOwnProperty"]) expect(locales.translate("es", name).text).toBe(name);
    expect(locales.translate("es", "__proto__").text).toBe("proto");
    for (const language of ["__proto__", "constructor", "prototype"])
      expect(locales.translate(language, "a")).toEqual({ text: "a", language: undefined });
    expect(Object.hasOwn(Object.prototype, "a")).toBe(false);
    locales.close();
  });

  it("without a translation are told of once each, and no more than a thousand", async () => {
    write("es.json", { a: "b" });
    const lines: string[] = [];
    const log: Log = { ...silentLog, debug: (message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`) };
    const locales = await openLocales({ folders: at("."), reloadMs: 0, log });
    for (let i = 0; i < 3; i++) locales.translate("es", "x\u001b[2J");
    expect(lines).toEqual([String.raw`a phrase has no translation {"language":"es","phrase":"x\\u001b[2J"}`]);
    for (let i = 0; i < 1100; i++) locales.translate("es", `phrase ${i}`);
    expect(lines).toHaveLength(1000);
    locales.close();
  });

  it("are read again when a file has changed, and stay when it cannot be read", async () => {
    write("es.json", { Hello: "Hola" });
    const lines: string[] = [];
    const log: Log = { ...silentLog, error: (message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`) };
    const locales = await openLocales({ folders: at("."), reloadMs: 10, log });
    const hello = (language: string): string => locales.translate(language, "Hello").text;
    expect(hello("es")).toBe("Hola");
    write("es.json", { Hello: "¡Hola a todos!" });
    write("fr.json", { Hello: "Bonjour" });
    await expect.poll(() => [hello("es"), hello("fr")], { timeout: 10_000 }).toEqual(["¡Hola a todos!", "Bonjour"]);
    write("es.json", "{");
    await expect.poll(() => lines.length, { timeout: 10_000 }).toBe(1);
    expect(lines[0]).toContain("es.json cannot be read as JSON");
    expect(hello("es")).toBe("¡Hola a todos!");
    rmSync(join(folder, "fr.json"));
    await expect.poll(() => hello("fr"), { timeout: 10_000 }).toBe("Hello");
    locales.close();
  });

  it("are not looked for in what editors leave, and may begin with a byte order mark", async () => {
    write("es.json", '\uFEFF{"a":"b"}');
    write("._fr.json", "{");
    symlinkSync("nobody@here:1", join(folder, ".#es.json"));
    const locales = await openLocales({ folders: at("."), reloadMs: 0 });
    expect(locales.translate("es", "a").text).toBe("b");
    locales.close();
  });

  it("are told of once while a folder cannot be read", async () => {
    write("es.json", { a: "b" });
    const lines: unknown[] = [];
    const locales = await openLocales({ folders: at("."), reloadMs: 0, log: { ...silentLog, error: (...line) => void lines.push(line) } });
    const wrong = write("no language.json", "{}");
    for (let i = 0; i < 3; i++) await locales.reload();
    expect(lines).toHaveLength(1);
    rmSync(wrong);
    await locales.reload();
    write("no language.json", "{}");
    await locales.reload();
    expect(lines).toHaveLength(2);
    expect(locales.translate("es", "a").text).toBe("b");
    locales.close();
  });

  it("are loaded of the languages that are named", async () => {
    write("es.json", { a: "es" });
    write("fr.json", { a: "fr" });
    const locales = await openLocales({ folders: at("."), languages: ["fr"], reloadMs: 0 });
    expect(["es", "fr"].map((language) => locales.translate(language, "a").text)).toEqual(["a", "fr"]);
    locales.close();
  });

  it.each([
    ["es.json", "[1]", "no object of phrases"],
    ["es.json", '{"a": 1}', "neither a text"],
    ["es.json", '{"a": {"one": "x"}}', "neither a text"],
    ["es.json", '{"a": {"other": "x", "lots": "y"}}', "neither a text"],
    ["es.json", "{", "cannot be read as JSON"],
    ["no language.json", "{}", "not named for a language"],
  ])("in %s that are %s are refused at the start", async (name, content, message) => {
    write(name, content);
    await expect(openLocales({ folders: at("."), reloadMs: 0 })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining(message),
    });
  });

  it("in a folder that is not there are refused", async () => {
    await expect(openLocales({ folders: at("none") })).rejects.toMatchObject({ code: "invalid", detail: { field: "locales" } });
  });
});

describe("extracting phrases", () => {
  it("finds them in calls, and nowhere else", () => {
    const source = String.raw`
      call.phrase("Hello %s", name); phrase('It\'s "so"'); __(${"`back`"}); __({ phrase: "object" , locale: "es" });
      phrase("a\n\u00e9\u{1F600}\x41"); rephrase("no"); phrase(variable); phrase(${"`no ${x}`"}); paraphrase ("no"); phrase("Hello %s"); phrase("")
    `;
    expect(phrasesIn(source)).toEqual(["Hello %s", `It's "so"`, "back", "object", "a\né😀A"]);
  });

  it("adds what is new to a file, and leaves what is there", async () => {
    write("src/a.ts", 'phrase("one"); phrase("two"); phrase("__proto__")');
    write("src/deep/b.html", '<%= __("three") %>');
    write("src/node_modules/c.js", 'phrase("four")');
    write("src/.git/d.js", 'phrase("five")');
    const file = write("locales/es.json", { two: "dos", old: { one: "viejo", other: "viejos" } });
    expect(await extractPhrases(at("src"), file)).toEqual({ found: 4, added: 3, unused: ["old"] });
    expect(readFileSync(file, "utf8")).toBe(
      '{\n  "__proto__": "",\n  "old": {"one":"viejo","other":"viejos"},\n  "one": "",\n  "three": "",\n  "two": "dos"\n}\n',
    );
    expect(await extractPhrases(at("src"), file)).toEqual({ found: 4, added: 0, unused: ["old"] });
    const locales = await openLocales({ folders: at("locales"), reloadMs: 0 });
    // Nobody has translated it yet.
    expect(locales.translate("es", "one").text).toBe("one");
    locales.close();
  });

  it("refuses paths and files that cannot be read, and leaves them", async () => {
    await expect(extractPhrases(at("none"), at("es.json")[0]!)).rejects.toMatchObject({ code: "invalid" });
    const file = write("es.json", "{ broken");
    await expect(extractPhrases(at("."), file)).rejects.toMatchObject({ code: "invalid" });
    expect(readFileSync(file, "utf8")).toBe("{ broken");
  });
});
