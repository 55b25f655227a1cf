// bk-server status, stop, restart and reload against running servers.
import { once } from "node:events";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";

import { describe, expect, it, vi } from "vitest";

import { runCli, runHere, startServerProcess, temporaryFolder } from "./run-cli.js";

interface State {
  readonly pid: number;
  readonly url: string;
  readonly processes: readonly { readonly role: string; readonly pid: number; readonly state: string }[];
}

/** Also after a test that failed. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** One that nobody has for the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("a running server", () => {
  it("in several processes says what runs, restarts, reads its configuration again, and stops", async () => {
    using folder = temporaryFolder();
    const home = ["--home", folder.path];
    mkdirSync(folder.file("etc"));
    writeFileSync(folder.file("etc/config"), "max-count=5");
    // A machine that tests many things at once takes its time.
    await using server = await startServerProcess(["--workers", "2", "--ready-timeout", "2m", "--port", "0", ...home]);
    const status = async (): Promise<State> => JSON.parse((await runHere(["status", "--json", ...home])).stdout) as State;
    const before = await status();
    expect([before.pid, before.url]).toEqual([server.child.pid, server.url]);
    expect(before.processes.map(({ role, state }) => [role, state])).toEqual([
      ["web", "ready"],
      ["web", "ready"],
    ]);
    expect((await runHere(["status", ...home])).stdout).toMatch(
      /^bk-server \d\S* {2}pid \d+ {2}http:\S+ {2}up \d+s\n {2}web 0 {2}ready .* 0 restarts\n/,
    );
    expect(statSync(folder.file("var/control.sock")).mode & 0o777).toBe(0o600);

    // A shell within each of them.
    const evaluated = async (...args: readonly string[]): Promise<string> => (await runHere(["attach", ...args, ...home])).stdout;
    expect(await evaluated("web:1", "--eval", "[process.pid, process.title, typeof db.get]")).toBe(
      `[ ${before.processes[1]!.pid}, 'bk: web', 'function' ]\n`,
    );
    expect(await evaluated("--eval", "pools.length", "--json")).toMatch(/^[1-9]\n$/);
    expect(await runHere(["attach", "web:7", ...home])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no process web:7; there are server, web:0, web:1"),
    });

    // It ends once all were replaced.
    expect(await runHere(["restart", ...home])).toMatchObject({ code: 0, stderr: "" });
    const after = await status();
    expect(after.processes.filter(({ state }) => state === "ready")).toHaveLength(2);
    expect(after.processes.map(({ pid }) => pid).filter((pid) => before.processes.some((old) => old.pid === pid))).toEqual([]);
    // Those of a role are ended, and others take their place.
    const killed = JSON.parse((await runHere(["kill", "web", "--json", ...home])).stdout) as { ended: readonly number[] };
    expect(killed.ended.toSorted()).toEqual(after.processes.flatMap(({ state, pid }) => (state === "ready" ? [pid] : [])).toSorted());
    await vi.waitFor(
      async () => {
        const { processes } = await status();
        expect(processes.map(({ state, pid }) => [state, killed.ended.includes(pid)])).toEqual([
          ["ready", false],
          ["ready", false],
        ]);
      },
      { timeout: 30_000, interval: 200 },
    );
    expect(await runHere(["restart", "king", ...home])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("role must be one of web, worker"),
    });

    writeFileSync(folder.file("etc/config"), "max-count=x");
    expect(await runHere(["reload", "--config", "/dev/null", ...home])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("max-count must be"),
    });
    writeFileSync(folder.file("etc/config"), "max-count=6");
    await vi.waitFor(async () => expect((await runHere(["reload", ...home])).code).toBe(0));
    expect((await runHere(["reload", ...home])).stdout).toBe("nothing changed\n");

    expect(await runHere(["stop", ...home])).toMatchObject({ code: 0 });
    expect((await server.ended).code).toBe(0);
    expect(await runHere(["status", ...home])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no server runs in this home folder"),
    });
  }, 180_000);

  it("that serves alone is reached too, and leaves no socket that keeps the next one from starting", async () => {
    using folder = temporaryFolder();
    const home = ["--home", folder.path];
    {
      await using server = await startServerProcess(["--port", "0", ...home]);
      let logged = "";
      server.child.stderr!.on("data", (chunk: Buffer) => (logged += chunk.toString()));
      expect(JSON.parse((await runHere(["status", "--json", ...home])).stdout)).toMatchObject({ pid: server.child.pid, processes: [] });
      expect(await runHere(["restart", ...home])).toMatchObject({ code: 1, stderr: expect.stringContaining("see --workers") });
      const socket = folder.file(`var/shell-${server.child.pid}.sock`);
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      const piped = await runCli(["attach", ...home], { input: "const a = 40;\nreturn a + (await db.count('sample', {})) + 2;\n" });
      expect([piped.code, piped.stdout]).toEqual([0, "42\n"]);
      const shell = connect(socket);
      let shown = "";
      shell.setEncoding("utf8").on("data", (chunk: string) => (shown += chunk));
      shell.write('{"terminal":false}\na = 5\n');
      await vi.waitFor(() => expect(shown).toContain("5"));
      shell.write("a * 2\n.exit\n");
      await once(shell, "close");
      expect(shown).toContain("10");
      expect(await runHere(["attach", "--eval", "nothing", ...home])).toMatchObject({
        code: 1,
        stderr: "bk-server: nothing is not defined\n",
      });
      // Lines are gathered for a moment, which a process that is killed does not have.
      await vi.waitFor(() => expect(logged).toContain('a shell that is attached runs code {"code":"a * 2"}'));
      await server.stop("SIGKILL");
    }
    await using next = await startServerProcess(["--port", "0", ...home]);
    // Another server of the same folder does not take its place.
    await using other = await startServerProcess(["--port", "0", ...home]);
    expect(JSON.parse((await runHere(["status", "--json", ...home])).stdout)).toMatchObject({ pid: next.child.pid });
    expect((await other.stop()).stderr).toContain("another server runs in this home folder");
    expect(await runHere(["stop", ...home])).toMatchObject({ code: 0 });
    expect((await next.ended).code).toBe(0);
  }, 120_000);

  it("starts in the background, is asked by its admin, and stops", async () => {
    using folder = temporaryFolder();
    const home = ["--home", folder.path];
    const port = String(await freePort());
    // As backendjs was started.
    const started = await runCli(["-daemon", "-master", "-port", port, "-run-mode", "production", "--json", ...home]);
    expect([started.code, started.stderr]).toEqual([0, expect.stringContaining("-daemon -master is an old spelling; write start")]);
    const { pid, url } = JSON.parse(started.stdout) as State;
    using _ended = { [Symbol.dispose]: () => endProcess(pid) };
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(JSON.parse((await runHere(["status", "--json", ...home])).stdout)).toMatchObject({ pid, url });
    expect(await runHere(["kill", "web", ...home])).toMatchObject({ code: 1, stderr: expect.stringContaining("see stop, and --workers") });
    expect(await runHere(["attach", "--eval", "1", ...home])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("runs in production"),
    });
    const asked = ["--port", port, ...home];
    expect(await runHere(["stats", ...asked])).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no admin") });
    await runHere(["account", "add", "--login", "root", "--type", "admin", ...home]);
    expect(JSON.parse((await runHere(["stats", ...asked])).stdout)).toMatchObject({ type: "web" });
    const own = await runHere(["fetch", "/account/get", "--login", "root", "--select", "login,name", ...asked]);
    expect([own.code, own.stdout]).toEqual([0, '{"login":"root","name":"root"}\n']);
    const wrong = await runHere(["request", "POST", "/account/update", "gender=f", "naem=x", "--login", "root", "--json", ...asked]);
    expect([wrong.code, JSON.parse(wrong.stdout)]).toEqual([1, { status: 400, body: expect.objectContaining({ field: "naem" }) }]);
    expect((await runHere(["stop", ...home])).code).toBe(0);
  }, 60_000);

  it("web serves, and ends with what keeps it from serving", async () => {
    expect(await runHere(["web", "--port", "x"])).toMatchObject({ code: 2, stderr: expect.stringContaining("port must be") });
    using folder = temporaryFolder();
    const failed = await runCli(["start", "--daemon", "--db", "sqlite:/dev/null/a.db", "--home", folder.path]);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("the server did not start: it ended with 1") });
  }, 60_000);

  it("carries out what somebody tells all servers of its bus, if it is signed by the key that they share", async () => {
    using folder = temporaryFolder();
    const common = ["--bus", `shared:${folder.file("bus.sock")}`, "--master-key", "k".repeat(32)];
    await using one = await startServerProcess(["--port", "0", "--home", folder.file("one"), ...common]);
    await using two = await startServerProcess(["--workers", "1", "--port", "0", "--home", folder.file("two"), ...common]);
    const before = JSON.parse((await runHere(["status", "--json", "--home", folder.file("two")])).stdout) as State;
    const tell = (...args: readonly string[]): ReturnType<typeof runHere> => runHere(["fleet", ...args, "--home", folder.file("three")]);
    expect(await tell("restart", ...common.slice(0, 2), "--master-key", "x".repeat(32))).toMatchObject({ code: 0 });
    expect(await tell("log-level", "debug", ...common)).toMatchObject({ code: 0, stderr: "" });
    expect(await tell("restart", ...common)).toMatchObject({ code: 0 });
    await vi.waitFor(
      async () => {
        const { processes } = JSON.parse((await runHere(["status", "--json", "--home", folder.file("two")])).stdout) as State;
        expect(processes.map(({ pid, state }) => [pid === before.processes[0]!.pid, state])).toEqual([[false, "ready"]]);
      },
      { timeout: 30_000, interval: 200 },
    );
    expect(await tell("halt", ...common)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there are reload, restart, log-level"),
    });
    expect(await tell("reload")).toMatchObject({ code: 2, stderr: expect.stringContaining("bus is not given") });
    for (const server of [one, two]) {
      const { stderr } = await server.stop();
      expect(stderr).toContain('a command to the fleet was refused {"why":"its signature is wrong"}');
      expect(stderr).toContain("a command to the fleet: log-level");
    }
  }, 90_000);
});
