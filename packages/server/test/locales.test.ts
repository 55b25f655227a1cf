// What the server says, in the language of whoever asks.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type BackendModule, endpoint, nothing } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runHere, startServerProcess, temporaryFolder } from "./run-cli.js";
import { startServer, type TestServer } from "./start-server.js";

const greeter: BackendModule = {
  name: "greeter",
  tables: {},
  start: () => ({
    name: "greeter",
    endpoints: [
      endpoint({
        path: "/greet",
        summary: "Greets",
        who: "anonymous",
        parameters: { count: { type: "int", default: 1 } },
        reply: nothing,
        answer: async ({ phrase, values: { count } }) => ({ text: phrase("%d new messages", count) }),
      }),
    ],
  }),
};

let folder: string;
let test: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bk-locales-"));
  const es = {
    "nothing is served at this path": "Aquí no hay nada",
    invalid: "Petición incorrecta",
    "%d new messages": { one: "%d mensaje nuevo", other: "%d mensajes nuevos" },
  };
  writeFileSync(join(folder, "es.json"), JSON.stringify(es));
  test = await startServer({ modules: [greeter], locales: { folders: [folder] } });
});
afterAll(async () => {
  await test.server.close();
  rmSync(folder, { recursive: true });
});

describe("a server with locales", () => {
  const english = "nothing is served at this path";
  const spanish = "Aquí no hay nada";
  it.each([
    ["/none", { "accept-language": "es-MX,en;q=0.5" }, spanish, "es"],
    ["/none", { "accept-language": "de, es;q=0.1" }, spanish, "es"],
    ["/none", { "bk-lang": "es", "accept-language": "en" }, spanish, "es"],
    ["/none?bk-lang=es", { "accept-language": "en" }, spanish, "es"],
    ["/none", { "accept-language": "en, es;q=0.9" }, english, "en"],
    ["/none", { "accept-language": "de" }, english, null],
    ["/none", {}, english, null],
    ["/none?bk-lang=__proto__", {}, english, null],
    ["/none", { "accept-language": "constructor,\t;q=" }, english, null],
  ])("says what is wrong with %s and %j in that language", async (path, headers, message, language) => {
    const { status, body, headers: received } = await test.call("bob", path, { headers });
    expect([status, body["message"], body["code"], received.get("content-language")]).toEqual([404, message, "not-found", language]);
    expect(received.get("vary")?.toLowerCase()).toContain("accept-language");
  });

  it("says what a code means where a message has no translation, and leaves code and field", async () => {
    const { body } = await test.call("bob", "/data/select/city?lat=north", { headers: { "accept-language": "es" } });
    expect(body).toMatchObject({ message: "Petición incorrecta", code: "invalid", field: "lat" });
  });

  it("takes bk-lang for no parameter of a table", async () => {
    expect((await test.call("bob", "/data/select/city?_count=1&bk-lang=es")).status).toBe(200);
    expect((await test.call("bob", "/data/select/city?bk-lang=es&bk-lang=fr")).body).toMatchObject({ code: "invalid", field: "bk-lang" });
  });

  it("has phrases for endpoints", async () => {
    const text = async (path: string, language: string) =>
      (await test.call("bob", path, { headers: { "accept-language": language } })).body["text"];
    expect(await text("/greet?count=1", "es")).toBe("1 mensaje nuevo");
    expect(await text("/greet?count=2", "es")).toBe("2 mensajes nuevos");
    expect(await text("/greet?count=2", "de")).toBe("2 new messages");
  });

  it("takes a library's phrases as well", async () => {
    await using other = await startServer({ locales: { translate: (asked, phrase) => ({ text: `${asked}: ${phrase}`, language: "xx" }) } });
    expect((await other.call("bob", "/none", { headers: { "accept-language": "xx" } })).body["message"]).toBe(`xx: ${english}`);
  });

  it("needs none: phrases are told as they are", async () => {
    await using plain = await startServer({ modules: [greeter] });
    const { body, headers } = await plain.call("bob", "/greet?count=3", { headers: { "accept-language": "es" } });
    expect([body["text"], headers.get("vary")]).toEqual(["3 new messages", null]);
    expect((await plain.call("bob", "/greet?bk-lang=es")).status).toBe(200);
  });
});

describe("bk-server with locales", () => {
  it("answers in the languages of its folders", async () => {
    using home = temporaryFolder();
    await using server = await startServerProcess([
      "--home",
      home.path,
      "--port",
      "0",
      "--modules",
      "none",
      "--log-level",
      "error",
      "--locales-path",
      folder,
    ]);
    const reply = await fetch(`${server.url}/none`, { headers: { "accept-language": "es" } });
    expect([reply.status, reply.headers.get("vary")]).toEqual([401, "accept-language"]);
    const refused = await runHere(["--port", "0", "--home", home.path, "--locales-path", home.file("none")]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("locales: the folder")]);
  });

  it("extracts phrases", async () => {
    using home = temporaryFolder();
    mkdirSync(home.file("src"));
    writeFileSync(home.file("src/a.ts"), 'phrase("Hello"); phrase("Bye")');
    const file = home.file("locales/es.json");
    mkdirSync(home.file("locales"));
    writeFileSync(file, '{"Hello": "Hola", "Old": "Viejo"}');
    const { code, stdout } = await runHere(["locales", "extract", "src", "--lang", "es"], { cwd: home.path });
    expect([code, stdout]).toEqual([0, "locales/es.json: 2 phrases, 1 new\nin no source: Old\n"]);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ Bye: "", Hello: "Hola", Old: "Viejo" });
    expect((await runHere(["locales", "extract", "src", "--lang", "../x"], { cwd: home.path })).code).toBe(1);
    expect((await runHere(["locales", "extract", "none", "--lang", "fr"], { cwd: home.path })).code).toBe(1);
  });
});
