// bk-server as a person meets it: processes, signals, accounts.
import { existsSync, statSync, writeFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { runCli, runHere, signedFetch, startServerProcess, temporaryFolder } from "./run-cli.js";

const quiet = ["--port", "0", "--log-level", "warn"];
const cityTables = JSON.stringify({ city: { id: { primary: 1, pub: true }, n: { type: "int", pub: true } } });

describe("bk-server", () => {
  it("serves with nothing configured, and ends with 0 on SIGTERM and SIGINT", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      using folder = temporaryFolder();
      await using server = await startServerProcess(["--port", "0"], { cwd: folder.path });
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await (await fetch(`${server.url}/ping`)).json()).toEqual({});
      expect((await fetch(`${server.url}/auth`)).status).toBe(401);
      expect(existsSync(folder.file("var/bk.db"))).toBe(true);
      const { code, stdout, stderr } = await server.stop(signal);
      expect([code, stdout]).toEqual([0, `bk-server listening on ${server.url}\n`]);
      expect(stderr).toContain("GET /auth 401");
      expect(stderr).toContain("used signatures are remembered by this process alone");
    }
  });

  it("names the port when another server has it, and ends with an error", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["-home", folder.path, ...quiet]);
    const { port } = new URL(server.url);
    const second = await runCli(["-home", folder.path, "-port", port]);
    expect([second.code, second.stdout]).toEqual([1, ""]);
    expect(second.stderr).toContain(`port ${port} of 127.0.0.1 is in use`);
    expect((await fetch(`${server.url}/ping`)).status).toBe(200);
  });

  it.each([
    [["--prot", "1"], 2, "--prot"],
    [["--port", "x"], 1, "port must be an integer"],
    [["serve"], 2, "too many arguments"],
    [["--tables", "none.json"], 1, "none.json cannot be read (ENOENT)"],
    [["--tables", "none.txt"], 1, "must end in .json, .js, .mjs, .ts"],
    [["--db", "nosuch://user:hunter2@host/x"], 1, "no driver"],
    [["--db-pool", "pg"], 1, "db-pg-pool is missing"],
    [["--master-key", "short"], 1, "master-key must be at least 32 characters long"],
    [["account", "add"], 2, "--login"],
    [["account", "del", "--login", "nobody"], 1, 'no account with the login "nobody"'],
    [["import", "nope", "package.json"], 1, "ENOENT"],
  ])("refuses %j", async (args, code, message) => {
    using folder = temporaryFolder();
    const result = await runHere(args, { cwd: folder.path });
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(message)]);
    expect(result.stderr).not.toContain("hunter2");
  });

  it("--help and --version go to standard output and end with 0", async () => {
    const [help, version] = [await runHere(["--help"]), await runHere(["--version"])];
    expect([help.code, version.code, version.stdout]).toEqual([0, 0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
    for (const word of ["--port", "--tables", "account", "import", "export", "BK_"]) expect(help.stdout).toContain(word);
  });

  it("takes accounts while it runs: added ones sign, deleted ones do not", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["--home", folder.path, ...quiet]);
    const home = ["--home", folder.path];
    const added = await runCli(["account", "add", ...home, "--login", "me", "--secret", "-", "--name", "Me", "--type", "admin"], {
      input: "-dash secret\n",
    });
    expect([added.code, JSON.parse(added.stdout)]).toEqual([0, { id: expect.stringMatching(/^u_[0-9a-f]{32}$/), login: "me" }]);
    const url = `${server.url}/auth`;
    const own = await signedFetch({ url, login: "me", secret: "-dash secret" });
    expect([own.status, await own.json()]).toEqual([200, expect.objectContaining({ login: "me", name: "Me", type: "admin" })]);

    const made = JSON.parse((await runHere(["account", "add", ...home, "--login", "you"])).stdout) as { secret: string };
    expect((await signedFetch({ url, login: "you", secret: made.secret })).status).toBe(200);
    const twice = await runHere(["account", "add", ...home, "--login", "me", "--secret", "other"]);
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining('login "me" already')]);
    const list = await runHere(["account", "list", ...home]);
    expect(
      list.stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { login: string }).login)
        .sort(),
    ).toEqual(["me", "you"]);
    expect(list.stdout).not.toContain("secret");
    expect((await runHere(["account", "del", ...home, "--login", "me"])).code).toBe(0);
    expect((await signedFetch({ url, login: "me", secret: "-dash secret" })).status).toBe(401);
    expect(statSync(folder.file("var/master.key")).mode & 0o777).toBe(0o600);
  });

  it("reads settings from a file, the environment and the command line, the last winning", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("config"), `# tables\ntables = ${folder.file("tables.json")}\nlog-level=error\nmax-count=5\n`);
    writeFileSync(folder.file("tables.json"), cityTables);
    const env = { BK_HOME: folder.path, BK_MAX_COUNT: "6", BK_MASTER_KEY: "k".repeat(32), BK_OTHER: "x" };
    await runHere(["account", "add", "--login", "me", "--secret", "s"], { env });
    await using server = await startServerProcess(["-port", "0", "-config", folder.file("config")], { env });
    const status = async (count: number): Promise<number> =>
      (await signedFetch({ url: `${server.url}/data/select/city?_count=${count}`, login: "me", secret: "s" })).status;
    expect([await status(6), await status(7)]).toEqual([200, 400]);
    expect(existsSync(folder.file("var/master.key"))).toBe(false);
    expect((await server.stop()).stderr).toBe("");
    writeFileSync(folder.file("config"), "prot=1\n");
    expect(await runHere(["-config", folder.file("config")])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('unknown setting "prot"'),
    });
  });

  it("loses nothing that it acknowledged when it is killed in the middle of writes", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("tables.json"), cityTables);
    const args = ["--home", folder.path, "--tables", folder.file("tables.json"), ...quiet];
    await runHere(["account", "add", "--home", folder.path, "--login", "me", "--secret", "s", "--type", "admin"]);
    const acknowledged: string[] = [];
    {
      await using server = await startServerProcess(args);
      const write = async (worker: number): Promise<void> => {
        for (let i = 0; ; i++) {
          const id = `${worker}-${i}`;
          const url = `${server.url}/data/add/city`;
          const reply = await signedFetch({ method: "POST", url, body: JSON.stringify({ id, n: i }), login: "me", secret: "s" });
          expect(reply.status).toBe(200);
          acknowledged.push(id);
          if (acknowledged.length === 150) server.child.kill("SIGKILL");
        }
      };
      // They end when the server is gone, by the failed fetch.
      const ends = await Promise.allSettled([0, 1, 2, 3].map(write));
      for (const end of ends) expect(String((end as PromiseRejectedResult).reason)).toContain("fetch failed");
    }
    await using again = await startServerProcess(args);
    for (const id of acknowledged)
      expect((await signedFetch({ url: `${again.url}/data/get/city?id=${id}`, login: "me", secret: "s" })).status).toBe(200);
  });

  it("finishes a running request before it ends", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("tables.json"), cityTables);
    await runHere(["account", "add", "--home", folder.path, "--login", "me", "--secret", "s", "--type", "admin"]);
    await using server = await startServerProcess(["--home", folder.path, "--tables", folder.file("tables.json"), ...quiet]);
    const items = Array.from({ length: 1000 }, (_item, i) => ({ op: "put", table: "city", row: { id: `r${i}`, n: i } }));
    // Its body arrives in two parts; the signal comes in between.
    const { signRequest } = await import("@bk/auth");
    const { request } = await import("node:http");
    const url = `${server.url}/data/batch`;
    const body = JSON.stringify(items);
    const headers = await signRequest({ method: "POST", url, body, login: "me", secret: "s" });
    const reply = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const sent = request(url, { method: "POST", headers: { ...headers, "content-length": Buffer.byteLength(body) } }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode, text }));
      });
      sent.on("error", reject);
      sent.write(body.slice(0, 1000), () => {
        setTimeout(() => {
          server.child.kill("SIGTERM");
          setTimeout(() => sent.end(body.slice(1000)), 200);
        }, 200);
      });
    });
    expect([reply.status, (JSON.parse(reply.text) as { count: number }).count]).toEqual([200, 1000]);
    expect((await server.ended).code).toBe(0);
  });
});
