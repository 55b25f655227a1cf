// Every command of bk-server: it has help, refuses what it does not know, and prints JSON where that is asked for.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { allCommands, buildProgram } from "../src/command-line/program.js";
import { runHere, temporaryFolder } from "./run-cli.js";

/** Commands that run something; `bk-server COMMAND` alone is a group. */
const described = allCommands(buildProgram()).filter(({ command }) => command.commands.length === 0);
const commands = described.map(({ name }) => name);

/** Those that need a running server, or do not end, with where they are tried. */
const elsewhere: Readonly<Record<string, string>> = {
  status: "control-command.test.ts",
  stop: "control-command.test.ts",
  start: "control-command.test.ts",
  web: "control-command.test.ts",
  kill: "control-command.test.ts",
  attach: "control-command.test.ts",
  stats: "control-command.test.ts",
  dev: "dev.test.ts",
  restart: "control-command.test.ts",
  reload: "control-command.test.ts",
  fleet: "control-command.test.ts",
  request: "control-command.test.ts",
  logwatch: "log-watch.test.ts",
};

const queue = ["--queue", "db:sqlite:FOLDER/jobs.db"];

/** Ordinary uses in order, on one database; what they print begins so, line by line. */
const uses: readonly (readonly [args: readonly string[], ...prints: readonly unknown[]])[] = [
  [["account", "add", "--login", "ann", "--name", "Ann"], { login: "ann", id: expect.any(String), secret: expect.any(String) }],
  [["user", "add", "--login", "ben", "--secret", "of ben", "city=Rome"], { login: "ben" }],
  [["account", "update", "--login", "ben", "--email", "ben@example.com", "city=Oslo"], { login: "ben" }],
  [["account", "update", "--login", "ben", "--secret", "another", "--scramble"], { login: "ben", secret: expect.any(String) }],
  [["account", "get", "ben", "ann"], { login: "ben", city: "Oslo", email: "ben@example.com" }, { login: "ann", name: "Ann" }],
  [["account", "list"], { login: "ann" }, { login: "ben" }],
  [["key", "add", "--login", "ann", "--keyid", "k1"], { keyid: "k1" }],
  [["key", "list", "--login", "ann"], { keyid: "k1" }],
  [["key", "revoke", "--login", "ann", "--keyid", "k1"], { revoked: "k1" }],
  [["account", "del", "--login", "ben", "--yes"], { deleted: "ben" }],
  [["db", "create-tables"], { created: [] }],
  [["db", "tables"], { table: "note", key: ["id"] }],
  [["db", "put", "note", "id=a", "n=1"], { affected: 1 }],
  [["db", "add", "note", "id=b", "n=2", "_returning=new"], { affected: 1, row: { id: "b", n: 2 } }],
  [["db", "update", "note", "id=a", "n=5"], { affected: 1 }],
  [["db", "incr", "note", "id=a", "n=2"], { affected: 1 }],
  [["db", "get", "note", "id=a"], { id: "a", n: 7 }],
  [["db", "list", "note", "_keys=a,b"], { count: 2 }],
  [["db", "select", "note", "n_$gt=3", "_scan=1"], { count: 1, data: [{ id: "a" }] }],
  [["db", "search", "note", "_q=nothing"], { count: 0 }],
  [["db", "count", "note", "_scan=1"], { count: 2 }],
  [["db", "aggregate", "note", "_sum=n", "_scan=1"], { data: [{ sum: { n: 9 } }] }],
  [["db", "scan", "note"], { id: "a" }, { id: "b" }],
  [["db", "backup", "FOLDER/backup", "--only", "note,bk_auth"], { table: "note", rows: 2 }, { table: "bk_auth", rows: 1 }],
  [["db", "del", "note", "id=b"], { affected: 1 }],
  [["db", "backup", "FOLDER/backup", "--only", "note", "--incremental"], { table: "note", rows: 1 }],
  [["db", "del-all", "note", "n=7", "_scan=1", "--yes"], { affected: 1 }],
  [["db", "restore", "FOLDER/backup", "--only", "note"], { table: "note", written: 3, bad: 0 }],
  [["db", "drop", "note", "--yes"], { dropped: "note" }],
  [["sync"], { created: ["note"] }],
  [["db", "config"]],
  [["export", "note", "FOLDER/notes.csv"], { table: "note", rows: 0 }],
  [["import", "note", "FOLDER/notes.json"], { table: "note", written: 1 }],
  [["rules", "explain", "note"], { line: expect.any(String) }],
  [["config", "explain", "port"], { name: "port" }],
  [["config", "check"], { warnings: [] }],
  [["config", "list"], { name: "home" }],
  [["config", "set", "max-count", "5", "--config-db", "main"], { name: "max-count" }],
  [["config", "rows", "--config-db", "main"], { name: "max-count", value: "5" }],
  [["config", "del", "max-count", "--config-db", "main"], { name: "max-count" }],
  [["info"], { app: "bk", modules: ["all"], database: expect.stringContaining("bk.db") }],
  [["env"]],
  [["show-args", "a", "--port", "81"], { words: ["a"], settings: { port: "81" } }],
  [["help", "db", "get"], { name: "db get", options: expect.arrayContaining([expect.objectContaining({ flags: "--secure" })]) }],
  [["run", "FOLDER/script.mjs", "x"], { args: ["x"], n: 3 }],
  [["job", "run", "note", "n=5", "--jobs", "FIXTURE"], { ran: "note" }],
  [["job", "submit", "note", "--input", '{"n":6}', "--jobs", "FIXTURE", ...queue], { id: expect.any(String), duplicate: false }],
  [["submit-job", "note", "n=7", "--key", "seven", "--jobs", "FIXTURE", ...queue], { id: expect.any(String) }],
  [["job", "list", "--jobs", "FIXTURE", ...queue], { queue: "default", jobs: ["note"], waiting: 2 }],
  [["location", "put", "--login", "ann", "latitude=1.5", "longitude=2"], { latitude: 1.5, longitude: 2 }],
  [["modules", "list"], { name: "accounts", from: "@bk/modules", state: "loaded", why: "modules has it" }],
  [["shell", "--eval", "tables.length > 0"], true],
  [["init", "FOLDER/app"], { written: expect.arrayContaining([expect.stringContaining("package.json")]) }],
  [["gen", "systemd"], { kind: "systemd", text: expect.stringContaining("ExecStart") }],
  [["locales", "extract", "FOLDER/app", "--lang", "de", "--dir", "FOLDER/locales"], { found: expect.any(Number) }],
  [["bundle", "FOLDER/page.js", "--out", "FOLDER/web"], { bytes: expect.any(Number) }],
];

/** Beside the packages, so that it can import them. */
const jobs = fileURLToPath(new URL("jobs-fixture.mjs", import.meta.url));

describe("every command", () => {
  const folder = temporaryFolder();
  const at = (text: string): string => text.replace("FOLDER", folder.path).replace("FIXTURE", jobs);
  const common = ["--home", folder.path, "--tables", folder.file("tables.json"), "--modules", "all", "--json"];
  beforeAll(() => {
    writeFileSync(
      folder.file("tables.json"),
      JSON.stringify({ note: { id: { primary: 1 }, n: { type: "int" }, text: { search: true }, mtime: { type: "now" } } }),
    );
    writeFileSync(folder.file("notes.json"), '[{ "id": "c", "n": 3 }]');
    writeFileSync(folder.file("page.js"), "console.log(1);");
    mkdirSync(folder.file("locales"));
    writeFileSync(
      folder.file("script.mjs"),
      'export const run = async ({ db, args }) => ({ args, n: (await db.get("note", { id: "c" })).n });',
    );
  });
  afterAll(() => folder[Symbol.dispose]());

  it("is tried here or elsewhere", () => {
    const tried = uses.map(([args]) => args.join(" ").replace(/^user /, "account "));
    const missing = commands.filter((name) => !tried.some((line) => `${line} `.startsWith(`${name} `)) && !Object.hasOwn(elsewhere, name));
    expect(missing).toEqual([]);
    for (const [name, file] of Object.entries(elsewhere))
      expect(readFileSync(new URL(file, import.meta.url), "utf8").includes(`"${name.split(" ")[0]}"`), name).toBe(true);
  });

  it.each(described)("$name has help, and refuses options that it does not know", async ({ name, command }) => {
    const words = name.split(" ");
    const help = await runHere([...words, "--help"]);
    expect([help.code, help.stdout, help.stderr]).toEqual([0, expect.stringContaining(`Usage: bk-server ${name}`), ""]);
    const unknown = await runHere([
      ...words,
      ...command.options.flatMap(({ mandatory, long }) => (mandatory ? [long!, "x"] : [])),
      "--jsom",
    ]);
    expect([unknown.code, unknown.stdout]).toEqual([2, ""]);
    expect(unknown.stderr).toMatch(/unknown option '--jsom'\n\(Did you mean --json\?\)/);
  });

  it.each(uses.map(([args, ...prints]) => ({ args, prints })))("$args prints JSON", async ({ args, prints }) => {
    const { code, stdout, stderr } = await runHere([...args.map(at), ...common]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const lines = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
    expect(lines.slice(0, prints.length)).toMatchObject(prints);
  });

  it("that does not exist is told by its name, with what was meant", async () => {
    const result = await runHere(["expotr", "note", "a.json"]);
    expect([result.code, result.stdout]).toEqual([2, ""]);
    expect(result.stderr).toContain("unknown command 'expotr'; did you mean export?");
  });

  it("what the file system refuses is a line with the path", async () => {
    for (const args of [
      ["export", "note", "FOLDER/none/a.json"],
      ["export", "note", "FOLDER", "--format", "json"],
      ["import", "note", "FOLDER", "--format", "csv"],
    ]) {
      const { code, stdout, stderr } = await runHere([...args.map(at), ...common]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^bk-server: E[A-Z]+: [^\n]+\n$/);
    }
  });

  it("what cannot be taken back is not done where nobody can be asked", async () => {
    for (const args of [
      ["account", "del", "--login", "ann"],
      ["db", "del-all", "note"],
      ["db", "drop", "note"],
      ["db", "restore", "FOLDER/backup", "--drop"],
    ])
      expect(await runHere([...args.map(at), ...common])).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("give --yes"),
      });
    expect((await runHere(["db", "count", "note", "_scan=1", ...common])).stdout).toBe('{"count":1}\n');
  });
});
