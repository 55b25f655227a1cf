// import and export: what is bad is told by line and column, nothing is half done, and a killed import goes on.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { importState } from "../src/transfer/import-state.js";
import { readNdjson } from "../src/transfer/read-ndjson.js";
import type { FileRecord } from "../src/transfer/record.js";
import { type CliResult, finished, runHere, startCli, temporaryFolder } from "./run-cli.js";

const tables = {
  place: {
    country: { primary: 1 },
    name: { primary: 2 },
    lat: { type: "real" },
    people: { type: "int" },
    open: { type: "bool" },
    tags: { type: "set" },
    seen: { type: "timestamp" },
    extra: { type: "json" },
    pin: { secure: true },
  },
};

const rows = [
  {
    country: "IT",
    name: 'Rome, the "eternal"',
    lat: 41.9,
    people: 3,
    open: true,
    tags: ["old", "warm"],
    seen: "2024-05-31T12:00:00.000Z",
    extra: { a: [1] },
  },
  { country: "IT", name: "two\nlines", lat: null, people: null, open: null, tags: null, seen: null, extra: null },
  { country: "FR", name: "Ñandú 🐦", lat: -0.5, people: 0, open: false, tags: [], seen: null, extra: "text" },
];

type Folder = ReturnType<typeof temporaryFolder>;

function prepared(): Folder {
  const folder = temporaryFolder();
  writeFileSync(folder.file("tables.json"), JSON.stringify(tables));
  return folder;
}

const run = (folder: Folder, ...args: string[]): Promise<CliResult> =>
  runHere([...args, "--home", folder.path, "--tables", folder.file("tables.json")]);

async function stored(folder: Folder, ...args: string[]): Promise<unknown[]> {
  const { stdout } = await run(folder, "export", "place", "-", ...args);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
}

const byKey = [...rows].sort((a, b) => (a.country < b.country ? -1 : a.country > b.country ? 1 : a.name < b.name ? -1 : 1));

describe("import and export", () => {
  it.each(["json", "ndjson", "csv"])("%s round-trips every type", async (format) => {
    using folder = prepared();
    writeFileSync(folder.file("in.json"), JSON.stringify(rows, undefined, 2));
    expect(await run(folder, "import", "place", folder.file("in.json"))).toMatchObject({ code: 0, stdout: "place: 3 rows written\n" });
    expect(await stored(folder)).toEqual(byKey);
    const file = folder.file(`out.${format}`);
    expect(await run(folder, "export", "place", file)).toMatchObject({ code: 0, stderr: expect.stringContaining("3 rows exported") });
    expect(readFileSync(file, "utf8")).not.toContain("pin");
    using other = prepared();
    expect(await run(other, "import", "place", file)).toMatchObject({ code: 0, stdout: "place: 3 rows written\n" });
    expect(await stored(other)).toEqual(byKey);
  });

  it.each([
    [
      "json",
      '[\n{"country":"IT","name":"a"},\n{"country":"IT","name":"b","lat":"north"},\n{"country":"IT"},\n5,\n{"country":"IT","name":"c","wrong":1}\n]',
      [3, 4, 5, 6],
      ["lat", "name", "object", "wrong"],
    ],
    [
      "ndjson",
      '{"country":"IT","name":"a"}\n\n{"country":"IT","name":"b","lat":"north"}\n{"country"\n{"country":"IT","name":"c","people":1.5}\n',
      [3, 4, 5],
      ["lat", "JSON", "people"],
    ],
    ["csv", 'country,name,lat\nIT,a,1\nIT,"b\nb",north\nIT,c\nIT,,2\n', [4, 5, 6], ["lat", "cells", "name"]],
  ])("%s with bad rows is refused with their lines and columns, and nothing is written", async (format, text, lines, words) => {
    using folder = prepared();
    const file = folder.file(`in.${format}`);
    writeFileSync(file, text);
    const refused = await run(folder, "import", "place", file);
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    const told = refused.stderr.split("\n").filter((line) => line.startsWith(file));
    expect(told.map((line) => Number(/line (\d+)/.exec(line)?.[1]))).toEqual(lines);
    told.forEach((line, i) => expect(line).toContain(words[i]));
    expect(refused.stderr).toContain("nothing was written");
    expect(await stored(folder)).toEqual([]);

    const skipped = await run(folder, "import", "place", file, "--skip-bad");
    expect(skipped).toMatchObject({ code: 0, stdout: `place: 1 rows written, ${lines.length} bad rows skipped\n` });
    expect(await stored(folder, "--columns", "country,name")).toEqual([{ country: "IT", name: "a" }]);
  });

  it.each([
    ["in.json", '{"a":1}', "is not a JSON list"],
    ["in.json", '[{"country":"IT","name":"a"}', "ends in the middle"],
    ["in.json", '[{"country":"IT","name":"a"}] x', "after the list"],
    ["in.json", "", "is not a JSON list"],
    ["in.csv", 'country,name\nIT,"a', "Quote"],
    ["in.csv", "country,country\nIT,a\n", "twice"],
    ["in.txt", "x", "--format"],
    ["in.ndjson", Buffer.from([0x7b, 0xff, 0x7d]), "UTF-8"],
  ])("%s with %j is refused as a whole", async (name, text, message) => {
    using folder = prepared();
    writeFileSync(folder.file(name), text);
    expect(await run(folder, "import", "place", folder.file(name))).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(message),
    });
    expect(await stored(folder)).toEqual([]);
  });

  it("renames and leaves out fields, and adds without replacing", async () => {
    using folder = prepared();
    writeFileSync(folder.file("a.json"), '[{"cc":"IT","name":"a","lat":"1.5","note":"x"},{"cc":"IT","name":"b","lat":"","note":"y"}]');
    const map = ["--map", "country=cc,=note"];
    expect(await run(folder, "import", "place", folder.file("a.json"), ...map)).toMatchObject({ code: 0 });
    expect(await stored(folder, "--columns", "country,name,lat")).toEqual([
      { country: "IT", name: "a", lat: 1.5 },
      { country: "IT", name: "b", lat: null },
    ]);
    writeFileSync(folder.file("b.json"), '[{"country":"IT","name":"a","lat":9},{"country":"IT","name":"c","lat":9}]');
    expect(await run(folder, "import", "place", folder.file("b.json"), "--mode", "add")).toMatchObject({
      stdout: "place: 1 rows written, 1 left as they were\n",
    });
    expect(await stored(folder, "--columns", "name,lat")).toEqual([
      { name: "a", lat: 1.5 },
      { name: "b", lat: null },
      { name: "c", lat: 9 },
    ]);
    expect(await run(folder, "import", "place", folder.file("b.json"), "--map", "nope=x")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nope"),
    });
  });

  it("refuses a column that no row can have, for it would be lost", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("tables.json"), JSON.stringify({ place: { $table: { open: true }, id: { primary: 1 } } }));
    writeFileSync(folder.file("in.ndjson"), '{"id":"a","__proto__":"x"}\n');
    const result = await run(folder, "import", "place", folder.file("in.ndjson"));
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining("line 1: column __proto__")]);
  });

  it("takes the undeclared columns of open tables along, and secure ones only when asked", async () => {
    using folder = prepared();
    writeFileSync(
      folder.file("tables.json"),
      JSON.stringify({ place: { $table: { open: true }, id: { primary: 1 }, pin: { secure: true } } }),
    );
    writeFileSync(folder.file("in.json"), '[{"id":"a","pin":"1234","free":{"x":1}}]');
    expect(await run(folder, "import", "place", folder.file("in.json"))).toMatchObject({ code: 0 });
    expect(await stored(folder)).toEqual([{ id: "a", free: { x: 1 } }]);
    expect(await stored(folder, "--secure")).toEqual([{ id: "a", pin: "1234", free: { x: 1 } }]);
    expect(await run(folder, "export", "place", "-", "--columns", "pin")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("secure"),
    });
  });

  it("CSV holds no cell that a spreadsheet takes for a formula, and reads back as it was", async () => {
    using folder = prepared();
    const names = ["=1+1", "+49 123", "-x", "@cmd", "'=quoted", "'plain", "-5", "\tx", "＝1", "a=b"];
    writeFileSync(folder.file("in.json"), JSON.stringify(names.map((name) => ({ country: "IT", name, lat: -1.5 }))));
    expect(await run(folder, "import", "place", folder.file("in.json"))).toMatchObject({ code: 0 });
    const file = folder.file("out.csv");
    expect(await run(folder, "export", "place", file, "--columns", "name,country,lat")).toMatchObject({ code: 0 });
    const cells = readFileSync(file, "utf8").trim().split("\n").slice(1);
    expect(cells).toContain("'=1+1,IT,-1.5");
    for (const cell of cells) expect(cell).not.toMatch(/^[=@\t＝]|^[+-](?!\d+,)/);
    using other = prepared();
    expect(await run(other, "import", "place", file)).toMatchObject({ code: 0 });
    expect((await stored(other, "--columns", "name")).map((row) => (row as { name: string }).name).sort()).toEqual([...names].sort());
  });

  it("an ndjson line that is too long is one bad row, and is never held in memory", async () => {
    const file = { path: "in.ndjson", size: 0, mtimeMs: 0, readBytes: 0 };
    using folder = prepared();
    const path = folder.file("in.ndjson");
    const piece = "x".repeat(1024 * 1024);
    writeFileSync(path, '{"country":"IT","name":"a"}\n{"name":"');
    for (let i = 0; i < 80; i++) appendFileSync(path, piece);
    appendFileSync(path, '"}\n{"country":"IT","name":"b"}\n');
    const records: FileRecord[] = [];
    for await (const some of readNdjson({ ...file, path })) records.push(...some);
    expect(records).toEqual([
      { line: 1, record: { country: "IT", name: "a" } },
      { line: 2, problem: expect.stringContaining("is longer than") },
      { line: 3, record: { country: "IT", name: "b" } },
    ]);
  });

  it("a CSV head of 300,000 columns is answered", async () => {
    using folder = prepared();
    const head = Array.from({ length: 300_000 }, (_name, i) => `c${i}`);
    writeFileSync(folder.file("in.csv"), `${head.join(",")}\n${head.map(() => "1").join(",")}\n`);
    expect(await run(folder, "import", "place", folder.file("in.csv"))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('column "c0"'),
    });
    writeFileSync(folder.file("in.csv"), `${head.join(",")},c7\n`);
    expect(await run(folder, "import", "place", folder.file("in.csv"))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"c7" twice'),
    });
  });

  it("goes on after it was killed, and ends with every row once", async () => {
    using folder = prepared();
    const count = 60_000;
    const lines = Array.from({ length: count }, (_line, i) => JSON.stringify({ country: `c${i % 7}`, name: `n${i}`, people: i }));
    writeFileSync(folder.file("in.ndjson"), `${lines.join("\n")}\n`);
    const args = ["import", "place", folder.file("in.ndjson"), "--home", folder.path, "--tables", folder.file("tables.json"), "--skip-bad"];
    const child = startCli(args);
    const ended = finished(child);
    const states = (): string[] =>
      readdirSync(folder.path).includes("var") ? readdirSync(folder.file("var")).filter((name) => /^import-.*\.json$/.test(name)) : [];
    while (states().length === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    expect((await ended).code).toBeNull();
    const again = await run(folder, ...args.slice(0, 3), "--skip-bad");
    const [, written, earlier] = /^place: (\d+) rows written, (\d+) done by an earlier run\n$/.exec(again.stdout) ?? [];
    expect([again.code, Number(written) + Number(earlier), Number(earlier) > 0]).toEqual([0, count, true]);
    expect(states()).toEqual([]);
    const people = (await stored(folder, "--columns", "people")).map((row) => (row as { people: number }).people);
    expect(people.length).toBe(count);
    expect(new Set(people).size).toBe(count);
  });
});

describe("sync", () => {
  const lines = ({ stdout }: CliResult): string[] => stdout.trim().split("\n");

  it("prints what it makes, and fills rows that are older than a column", async () => {
    using folder = prepared();
    expect(lines(await run(folder, "sync", "--dry-run"))).toContain("table place");
    writeFileSync(folder.file("rows.ndjson"), ["FR", "IT"].map((country) => JSON.stringify({ country, name: "x" })).join("\n"));
    expect((await run(folder, "import", "place", folder.file("rows.ndjson"))).code).toBe(0);
    expect(lines(await run(folder, "sync"))).toEqual(["nothing to do"]);
    const grown = { place: { ...tables.place, state: { value: "new", index: 1 }, other: { value: "too" } } };
    writeFileSync(folder.file("tables.json"), JSON.stringify(grown));
    const would = ["column place.state", "column place.other", "index place.state", "place: 2 rows filled"];
    expect(lines(await run(folder, "sync", "--dry-run", "--backfill"))).toEqual(would);
    expect(lines(await run(folder, "sync", "--backfill", "place.state"))).toEqual(would);
    expect(lines(await run(folder, "sync", "--backfill", "place.state"))).toEqual(["nothing to do"]);
    expect(await stored(folder)).toMatchObject([{ state: "new", other: null }, { state: "new" }]);
    const wrong = await run(folder, "sync", "--backfill", "place.people");
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain("place.people");
  });
});

describe("backup and restore", () => {
  const notes = (...ids: string[]): string => ids.map((id) => `${JSON.stringify({ id, n: 1 })}\n`).join("");

  function withNotes(): Folder {
    const folder = temporaryFolder();
    writeFileSync(folder.file("tables.json"), JSON.stringify({ note: { id: { primary: 1 }, n: { type: "int" }, mtime: { type: "now" } } }));
    writeFileSync(folder.file("notes.ndjson"), notes("a", "b"));
    return folder;
  }

  async function idsIn(folder: Folder): Promise<unknown[]> {
    const { stdout } = await run(folder, "export", "note", "-", "--format", "json");
    return (JSON.parse(stdout) as { readonly id: string }[]).map(({ id }) => id);
  }

  it("takes a file that has lost its end, or is gone, for no backup, before anything is dropped", async () => {
    using folder = withNotes();
    await run(folder, "import", "note", folder.file("notes.ndjson"));
    await run(folder, "db", "backup", folder.file("backup"), "--only", "note");
    const restore = (): Promise<CliResult> => run(folder, "db", "restore", folder.file("backup"), "--drop", "--yes");
    truncateSync(folder.file("backup/note.ndjson"), 10);
    expect(await restore()).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("not the whole backup") });
    rmSync(folder.file("backup/note.ndjson"));
    expect(await restore()).toMatchObject({ code: 1, stderr: expect.stringContaining("note.ndjson is missing") });
    writeFileSync(folder.file("backup/backup.json"), "{");
    expect(await restore()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^bk-server: \S+backup.json cannot be read as JSON\n$/),
    });
    expect(await idsIn(folder)).toEqual(["a", "b"]);
  });

  it("begins at the first row when the tables are dropped, wherever an earlier run was", async () => {
    using folder = withNotes();
    mkdirSync(folder.file("backup"));
    writeFileSync(folder.file("backup/note.ndjson"), `${notes("a", "b")}{\n`);
    const { size, mtimeMs } = statSync(folder.file("backup/note.ndjson"));
    const job = { table: "note", file: folder.file("backup/note.ndjson"), size, mtimeMs, database: `sqlite:${folder.file("var/bk.db")}` };
    // As a run leaves it that was killed.
    mkdirSync(folder.file("var"));
    const broken = (): void => importState(folder.file("var"), { ...job, settings: JSON.stringify({ mode: "put" }) }, false).save(1);
    broken();
    const restore = (...more: string[]): Promise<CliResult> => run(folder, "db", "restore", folder.file("backup"), "--skip-bad", ...more);
    expect((await restore()).stdout).toBe("note: 1 rows, 1 done by an earlier run\n");
    broken();
    expect((await restore("--drop", "--yes")).stdout).toBe("note is dropped\nnote: 2 rows\n");
    expect(await idsIn(folder)).toEqual(["a", "b"]);
  });

  it("adds no rows of a file that has them several times, for the oldest would stay", async () => {
    using folder = withNotes();
    await run(folder, "import", "note", folder.file("notes.ndjson"));
    const backup = (...more: string[]): Promise<CliResult> => run(folder, "db", "backup", folder.file("backup"), "--only", "note", ...more);
    await backup();
    const add = (): Promise<CliResult> => run(folder, "db", "restore", folder.file("backup"), "--mode", "add");
    expect(await add()).toMatchObject({ code: 0, stdout: "note: 0 rows, 2 left as they were\n" });
    await backup("--incremental");
    expect(await add()).toMatchObject({ code: 1, stderr: expect.stringContaining("keep the oldest") });
    await backup();
    expect(await add()).toMatchObject({ code: 0 });
  });

  it("writes into a device as it is, and leaves no drafts", async () => {
    using folder = withNotes();
    await run(folder, "import", "note", folder.file("notes.ndjson"));
    expect(await run(folder, "export", "note", "/dev/null", "--format", "csv")).toMatchObject({ code: 0 });
    expect(statSync("/dev/null").isFile()).toBe(false);
    expect(await run(folder, "export", "note", folder.file("out.csv"))).toMatchObject({ code: 0 });
    expect(readdirSync(folder.path).filter((name) => name.includes("out"))).toEqual(["out.csv"]);
  });
});
