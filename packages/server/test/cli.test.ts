// bk-server as a person meets it: processes, signals, accounts.
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";

import Database from "better-sqlite3";
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
      // Every line has its time.
      for (const line of stderr.trim().split("\n")) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warn|error) /);
    }
  });

  it("names the port when another server has it, and ends with an error", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["-home", folder.path, ...quiet]);
    const { port } = new URL(server.url);
    const second = await runCli(["-home", folder.path, "-port", port]);
    expect([second.code, second.stdout]).toEqual([75, ""]);
    expect(second.stderr).toContain(`port ${port} of 127.0.0.1 is in use`);
    expect(second.stderr.split("trying again")).toHaveLength(5);
    expect((await fetch(`${server.url}/ping`)).status).toBe(200);
  });

  it.each([
    [["--prot", "1"], 2, "--prot"],
    [["--port", "abc"], 2, "port must be an integer"],
    [["serve"], 2, "did you mean server?"],
    [["--tables", "none.json"], 1, "none.json cannot be read (ENOENT)"],
    [["--tables", "none.txt"], 1, "must end in .json, .js, .mjs, .ts"],
    [["--db", "nosuch://user:hunter2@host/x"], 1, "no driver"],
    [["--db-pool", "pg"], 2, "db-pg-pool is missing"],
    [["--master-key", "short"], 2, "master-key must be at least 32 characters long"],
    [["--log-format", "xml"], 2, "log-format must be one of text, json"],
    [["--cors-origins", "app.example.com"], 2, "cors-origins must be"],
    [["--cors-origins", "*", "--cors-credentials", "true"], 2, "cors-credentials"],
    [["--cors-headers", "x-app"], 2, "needs cors-origins"],
    [["account", "add"], 2, "--login"],
    [["account", "add", "--login", "me", "--type", "king"], 2, '"king" is no type of bk-server; there is admin'],
    [["request", "GET", "data/select/note"], 1, "must start with /"],
    [["request", "/auth", "--login", "nobody"], 1, 'no account with the login "nobody"'],
    [["request", "/ping", "--url", "ftp://x"], 1, "--url"],
    [["request", "/ping", "--url", "http://127.0.0.1:1"], 1, "no server answers at http://127.0.0.1:1"],
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
    expect((await runHere(["account", "del", ...home, "--login", "me", "--yes"])).code).toBe(0);
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
    expect((await server.stop()).stderr).toBe("bk-server: BK_OTHER is no setting and has no effect\n");
    writeFileSync(folder.file("config"), "prot=1\n");
    expect(await runHere(["-config", folder.file("config")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unknown setting "prot"'),
    });
    expect((await runHere(["account", "list"], { env: { BK_PROT: "8080" }, cwd: folder.path })).stderr).toContain("did you mean BK_PORT?");
  });

  it.each([
    ["damaged", (file: string) => writeFileSync(file, "garbage ".repeat(1000)), "", "not a SQLite database"],
    ["a folder", (file: string) => void mkdirSync(file), "", "it is a folder"],
    ["read-only and missing", () => undefined, "?readonly=true", "cannot be opened"],
    ["read-only and empty", (file: string) => new Database(file).exec("CREATE TABLE t (a)").close(), "?readonly=true", "read-only"],
  ])("a database file that is %s gives one line with its path, and no stack", async (_name, make, options, why) => {
    using folder = temporaryFolder();
    const file = folder.file("app.db");
    make(file);
    for (const command of [[], ["account", "list"]]) {
      const { code, stderr } = await runHere([...command, "--home", folder.path, "--db", `sqlite:${file}${options}`]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
      expect(stderr).toContain(file);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
  });

  it("can be tried by the commands that it prints when nothing is configured", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["--home", folder.path, "--port", "0", "--log-format", "json"]);
    const { port } = new URL(server.url);
    const home = ["--home", folder.path];
    const place = ["--login", "me", ...home, "--port", port];
    expect((await runHere(["account", "add", "--login", "me", ...home])).code).toBe(0);
    const put = ["request", "POST", "/data/put/sample", ...place, "--body", '{"id":"n1","text":"it\'s"}'];
    expect(await runHere(put)).toMatchObject({ code: 0, stdout: '{"affected":1}\n', stderr: "" });
    const read = ["request", "GET", "/data/select/sample?text=it's", ...place];
    const { stdout } = await runHere(read);
    expect(JSON.parse(stdout)).toMatchObject({ count: 1, data: [{ id: "n1", text: "it's" }] });
    const { stdout: curl } = await runHere([...read, "--curl"]);
    const [, url, header] = /^curl '([^']+)' -H '([^']+)'\n$/.exec(curl) as unknown as [string, string, string];
    const [name, value] = header.split(": ") as [string, string];
    expect(await (await fetch(url, { headers: { [name]: value } })).json()).toMatchObject({ count: 1 });
    expect(await runHere(["request", "/data/get/sample?id=none", ...place])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/status 404; request \S+/),
    });
    expect(await runHere(["request", "/auth", ...place, "--secret", "wrong"])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("NOAUTH"),
    });

    const log = (await server.stop()).stderr.trim().split("\n");
    const lines = log.map((line) => JSON.parse(line) as { message: string; time: string; id?: string; claims?: string; refused?: string });
    for (const command of ["account add --login me", "request POST /data/put/sample", "request GET /data/select/sample"])
      expect(lines.filter(({ message }) => message.includes(`bk-server ${command}`) && message.includes(folder.path))).toHaveLength(1);
    expect(lines.filter(({ message }) => message === "GET /auth 401")).toEqual([
      expect.objectContaining({ claims: "me", refused: expect.stringContaining("another secret"), id: expect.any(String) }),
    ]);
  });

  it("adds no account with another master key than the accounts there are", async () => {
    using folder = temporaryFolder();
    const add = (login: string, key: string) =>
      runHere(["account", "add", "--home", folder.path, "--login", login], { env: { BK_MASTER_KEY: key.repeat(32) } });
    expect((await add("me", "k")).code).toBe(0);
    expect(await add("you", "x")).toMatchObject({ code: 1, stderr: expect.stringContaining("masterKey is not the one") });
    expect((await add("you", "k")).code).toBe(0);
  });

  it("serves no sample where tables or a database are named", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["--home", folder.path, "--port", "0", "--db", `sqlite:${folder.file("own.db")}`]);
    const { stderr } = await server.stop();
    expect(stderr).toContain("tables none (see --tables)");
    expect(stderr).not.toContain("sample");
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
