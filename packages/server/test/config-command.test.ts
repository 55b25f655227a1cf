// Settings of bk-server as a person meets them: where they come from, what is wrong with them, and changes while it serves.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

import { describe, expect, it, vi } from "vitest";

import { runHere, signedFetch, startServerProcess, temporaryFolder } from "./run-cli.js";

function homeWith(files: Readonly<Record<string, string>>): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder();
  mkdirSync(folder.file("etc"));
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
  return folder;
}

describe("bk-server config", () => {
  it("explains a setting by all places that name it, and lists all", async () => {
    using folder = homeWith({
      "etc/config": "port=9000\nmaster-key=hunter2hunter2hunter2hunter2hunter2\ndb-a-pool=postgres://me:hunter2@host/x",
    });
    const home = ["--home", folder.path];
    const env = { BK_PORT: "9001" };
    const explained = await runHere(["config", "explain", "port", ...home, "--port", "9002"], { env });
    expect(explained.stdout).toBe(
      `port = 9002
  0 takes a free one
  a change is used after a restart
  → command line 9002   (the command line)
    environment  9001   (BK_PORT)
    file         9000   (etc/config, line 1)
    default      8000
`,
    );
    expect(JSON.parse((await runHere(["config", "explain", "api-port", "--json", ...home])).stdout)).toMatchObject({
      name: "port",
      text: "9000",
      live: false,
    });
    const list = (await runHere(["config", "list", "--json", ...home])).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; value?: string; from?: string });
    expect(list).toContainEqual({ name: "port", value: "9000", from: "etc/config, line 1" });
    expect(list).toContainEqual({ name: "db-a-pool", value: "postgres://me:***@host/x", from: "etc/config, line 3" });
    expect(list).toContainEqual({ name: "master-key", value: "***", from: "etc/config, line 2" });
    expect((await runHere(["config", "list", ...home])).stdout).not.toContain("hunter2");
    expect(await runHere(["config", "explain", "prot", ...home])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("did you mean port?"),
    });
  });

  it("knows what is for the process of a role alone", async () => {
    using folder = homeWith({ "etc/config": "max-count=5\nmax-count@web=6\n[role=worker]\nmax-count=7" });
    const holds = async (...args: readonly string[]): Promise<string | undefined> =>
      (
        JSON.parse((await runHere(["config", "explain", "max-count", "--json", "--home", folder.path, ...args])).stdout) as {
          text?: string;
        }
      ).text;
    expect([await holds(), await holds("--role", "web"), await holds("--role", "worker")]).toEqual(["5", "6", "7"]);
  });

  it("checks", async () => {
    using folder = homeWith({ "etc/config": "max-count=5" });
    const home = ["--home", folder.path];
    expect(await runHere(["config", "check", ...home])).toMatchObject({ code: 0, stdout: "the settings are fine\n" });
    expect(await runHere(["config", "check", ...home], { env: { BK_PROT: "1" } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("BK_PORT?"),
    });
    writeFileSync(folder.file("etc/config"), "max-count=5\nmax-cuont=6");
    const { code, stderr } = await runHere(["config", "check", ...home]);
    expect([code, stderr]).toEqual([2, 'bk-server: etc/config, line 2 has an unknown setting "max-cuont"; did you mean max-count?\n']);
  });

  it.each([
    [["config", "set", "prot", "1"], "did you mean port?"],
    [["config", "set", "port", "x"], "port must be an integer"],
    [["config", "set", "home", "/x"], "decides where settings are looked for"],
    [["config", "set", "token-key", "k".repeat(20)], "is a secret; give --encrypt"],
    [["config", "set", "port", "1", "--until", "soon"], "--until must be a date"],
    [["config", "del", "port"], 'bk_config has no row "port" for "all"'],
  ])("refuses %j", async (args, message) => {
    using folder = temporaryFolder();
    const { code, stderr } = await runHere([...args, "--home", folder.path]);
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining(message)]);
    expect(code).not.toBe(0);
  });

  it("a running server takes changes of files and of the table, and none that is wrong", async () => {
    using folder = homeWith({
      "etc/config": "config-db=main\nconfig-db-interval=1s\nmax-count=5",
      "tables.json": '{"city":{"id":{"primary":1,"pub":true}}}',
    });
    const home = ["--home", folder.path];
    await runHere(["account", "add", ...home, "--login", "me", "--secret", "s"]);
    await using server = await startServerProcess(["--port", "0", "--tables", folder.file("tables.json"), ...home]);
    let logged = "";
    server.child.stderr!.on("data", (chunk: Buffer) => (logged += chunk.toString()));
    const status = async (count: number): Promise<number> =>
      (await signedFetch({ url: `${server.url}/data/select/city?_count=${count}`, login: "me", secret: "s" })).status;
    const most = async (count: number): Promise<void> =>
      vi.waitFor(async () => expect([count, await status(count), await status(count + 1)]).toEqual([count, 200, 400]), {
        timeout: 15_000,
        interval: 200,
      });
    await most(5);
    writeFileSync(folder.file("etc/config"), "config-db=main\nconfig-db-interval=1s\nmax-count=7");
    await most(7);
    expect(await runHere(["config", "set", "max-count", "9", ...home])).toMatchObject({ code: 0 });
    await most(9);
    expect((await runHere(["config", "rows", ...home])).stdout).toContain('"name":"max-count"');
    writeFileSync(folder.file("etc/config"), "config-db=main\nconfig-db-interval=1s\nmax-count=0");
    await vi.waitFor(() => expect(logged).toContain("the configuration is kept as it was: etc/config, line 3: max-count must be"), {
      timeout: 15_000,
    });
    expect(
      await runHere(["config", "del", "max-count", "--db", `sqlite:${folder.file("var/bk.db")}`, "--config", "/dev/null"]),
    ).toMatchObject({ code: 0 });
    await most(9);
    writeFileSync(folder.file("etc/config"), "config-db=main\nconfig-db-interval=1s\nmax-count=8");
    await most(8);
    rmSync(folder.file("etc/config"));
    server.child.kill("SIGHUP");
    await most(1000);
    const { code, stderr } = await server.stop();
    expect(code).toBe(0);
    expect(stderr).toContain('the configuration changed {"max-count":"5 → 7"}');
    expect(stderr).toContain("config-db: used after a restart");
  });
});
