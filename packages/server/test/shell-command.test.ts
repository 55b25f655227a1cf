// bk-server shell: code that is given, typed, or completed.
import { writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";

import { openDb } from "@bk/db";
import { describe, expect, it, vi } from "vitest";

import { talk } from "../src/commands/shell.js";
import { runCli, runHere, temporaryFolder } from "./run-cli.js";

const tables = '{"note":{"id":{"primary":1},"n":{"type":"int"}},"notice":{"id":{"primary":1}}}';

describe("bk-server shell", () => {
  it("prints the value of code that is given", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("tables.json"), tables);
    const shell = (...args: readonly string[]): ReturnType<typeof runHere> =>
      runHere(["shell", ...args, "--home", folder.path, "--tables", folder.file("tables.json")]);
    expect(await shell("--eval", 'await db.put("note", { id: "a", n: 1 }); return db.get("note", { id: "a" })', "--json")).toMatchObject({
      code: 0,
      stdout: '{"id":"a","n":1}\n',
    });
    expect((await shell("--eval", 'await db.count("note", {})')).stdout).toBe("1\n");
    expect((await shell("--eval", 'config.get("max-count")')).stdout).toBe("1000\n");
    expect((await shell("--eval", 'await db.put("note", { id: "b" })')).stdout).toContain("affected: 1");
    expect(await shell("--eval", 'db.get("nothing", {})')).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing") });
    expect((await shell("--eval", "[2n ** 64n]", "--json")).stdout).toBe('["18446744073709551616"]\n');
    expect((await shell("--eval", "() => 1", "--json")).stdout).toBe("null\n");
    expect(await shell("--eval", "(")).toMatchObject({ code: 1, stderr: expect.stringContaining("SyntaxError") });
  });

  it("runs a script from a pipe", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("tables.json"), tables);
    const script = 'await db.put("note", { id: "a", n: 5 });\nconst row = await db.get("note", { id: "a" });\nreturn row.n + 1;\n';
    const result = await runCli(["shell", "--home", folder.path, "--tables", folder.file("tables.json")], { input: script });
    expect([result.code, result.stdout]).toEqual([0, "6\n"]);
  });

  it("answers what is typed, with await at the top", async () => {
    const db = await openDb({ url: "memory:", tables: { note: { id: { primary: 1 }, n: { type: "int" } } } });
    const [input, output] = [new PassThrough(), new PassThrough()];
    let shown = "";
    output.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    const over = talk(
      { db: db as never, config: undefined as never, tables: ["note", "notice"] },
      { input, output, history: "/dev/null", isTerminal: true },
    );
    const type = async (line: string, answer: string): Promise<void> => {
      shown = "";
      input.write(`${line}\n`);
      await vi.waitFor(() => expect(shown).toContain(answer));
    };
    await type('await db.put("note", { id: "a", n: 5 })', "{ affected: 1 }");
    await type('const row = await db.get("note", { id: "a" })', "undefined");
    await type("row.n + 1", "6");
    await type("tables", "[ 'note', 'notice' ]");
    await type("nothing", "ReferenceError");
    // Ctrl+C gives up what does not end.
    input.write("await new Promise(() => {})\n");
    await vi.waitFor(() => expect(shown).toContain("await new Promise"));
    await type("\u0003", "interrupted");
    await type("row.n + 2", "7");
    input.write(".exit\n");
    await over;
    await db.close();
  });
});
