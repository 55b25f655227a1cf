// bk-server in several processes, as an operator meets it: signals, crashes, restarts under load, jobs.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

import { defineJobs, openQueue } from "@bk/queue";
import { describe, expect, it, vi } from "vitest";

import { askControl, controlPath, type ServerState } from "../src/processes/control.js";
import { childrenNamed, childrenOf, isAlive } from "./processes-of.js";
import { runCli, runHere, startServerProcess, temporaryFolder } from "./run-cli.js";
import { askOn } from "./under-load/ask-on.js";

const soon = { timeout: 60_000, interval: 100 };

/** Code of an app that does odd things when a file of that name appears. */
const oddTables = (folder: string): string => `
import { existsSync, renameSync } from "node:fs";
export const tables = { note: { id: { primary: 1, pub: true } } };
const take = (name) => { try { renameSync("${folder}/" + name, "${folder}/" + name + process.pid); return true; } catch { return false; } };
const kept = [];
setInterval(() => {
  if (take("hang")) { const hangHere = () => { for (;;); }; hangHere(); }
  if (take("grow")) for (let i = 0; i < 50; i++) kept.push(Buffer.alloc(10_000_000, 1));
  if (take("throw")) throw new Error("thrown by the app");
}, 100).unref();
if (existsSync("${folder}/broken")) throw new Error("broken on purpose");
`;

describe("bk-server --workers", () => {
  it("is restarted without a failed request, and replaces what crashes, hangs or grows", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("tables.mjs"), oddTables(folder.path));
    const options = [
      "--workers",
      "2",
      "--port",
      "0",
      "--home",
      folder.path,
      "--tables",
      folder.file("tables.mjs"),
      "--stuck-after",
      "6s",
      "--max-delay-ms",
      "0",
      "--log-level",
      "warn",
    ];
    await using server = await startServerProcess([...options, "--max-worker-memory", "400mb", "--restart-delay", "200ms"]);
    let logged = "";
    server.child.stderr!.on("data", (chunk: Buffer) => (logged += chunk.toString()));
    await vi.waitFor(() => expect(childrenNamed(server, "bk: web")).toHaveLength(2), soon);
    /** All of them, once all serve: one that starts or ends could be what crashes. */
    const web = (): Promise<number[]> =>
      vi.waitFor(async () => {
        const { processes } = (await askControl(controlPath(folder.file("var")), { do: "status" })) as ServerState;
        expect(processes.map(({ state }) => state)).toEqual(["ready", "ready"]);
        return processes.map(({ pid }) => pid!);
      }, soon);
    const others = async (before: readonly number[], gone: number): Promise<void> =>
      vi.waitFor(async () => expect((await web()).filter((pid) => before.includes(pid))).toHaveLength(2 - gone), soon);
    await others([], 2);

    const loaded = askOn([`${server.url}/openapi.json`], 8);
    let before = await web();
    server.child.kill("SIGUSR2");
    await others(before, 2);
    // Twice at once is once more, not two at a time.
    before = await web();
    server.child.kill("SIGUSR2");
    server.child.kill("SIGUSR2");
    await others(before, 2);
    // A process that holds too much is replaced in the same way.
    before = await web();
    writeFileSync(folder.file("grow"), "");
    await others(before, 1);
    const { served, failed } = await loaded.end();
    expect(failed).toEqual([]);
    expect(served).toBeGreaterThan(100);

    // One that cannot start leaves the old ones serving.
    before = await web();
    writeFileSync(folder.file("broken"), "");
    server.child.kill("SIGUSR2");
    await vi.waitFor(() => expect(logged).toContain("the old one stays"), soon);
    execFileSync("rm", [folder.file("broken")]);
    expect((await web()).sort()).toEqual(before.sort());

    for (const crash of [
      () => process.kill(before[0]!, "SIGKILL"),
      () => writeFileSync(folder.file("throw"), ""),
      () => writeFileSync(folder.file("hang"), ""),
    ]) {
      before = await web();
      crash();
      await others(before, 1);
      expect((await fetch(`${server.url}/ping`)).status).toBe(200);
    }
    expect(logged).toContain("thrown by the app");
    expect(logged).toContain("a web process is stuck");
    expect(logged).toMatch(/is stuck in\n\s+at hangHere .*tables\.mjs/);

    const last = await web();
    const { code } = await server.stop();
    expect([code, last.filter(isAlive)]).toEqual([0, []]);
  }, 180_000);

  it("leaves no process behind when the primary is killed, and finishes a reply", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["--workers", "2", "--port", "0", "--home", folder.path]);
    await vi.waitFor(() => expect(childrenNamed(server, "bk: web")).toHaveLength(2), soon);
    const all = childrenOf(server.child.pid!);
    server.child.kill("SIGKILL");
    await vi.waitFor(() => expect(all.filter(isAlive)).toEqual([]), soon);
  }, 60_000);

  it("ends with the code of what keeps it from starting, and gives up where it is told to", async () => {
    using folder = temporaryFolder();
    expect(await runCli(["--workers", "2", "--port", "0", "--home", folder.path, "--tables", "none.json"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("none.json cannot be read (ENOENT)"),
    });
    expect(await runCli(["--job-workers", "1", "--home", folder.path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("job-workers needs jobs"),
    });
    writeFileSync(folder.file("tables.mjs"), oddTables(folder.path));
    await using server = await startServerProcess([
      "--workers",
      "1",
      "--port",
      "0",
      "--home",
      folder.path,
      "--tables",
      folder.file("tables.mjs"),
      "--max-restarts",
      "1",
      "--restart-delay",
      "100ms",
    ]);
    writeFileSync(folder.file("broken"), "");
    await vi.waitFor(() => expect(childrenNamed(server, "bk: web")).toHaveLength(1), soon);
    process.kill(childrenNamed(server, "bk: web")[0]!, "SIGKILL");
    expect(await server.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("giving up") });
  }, 90_000);

  it("runs jobs in processes of their own; a job whose process is killed is done by another", async () => {
    using folder = temporaryFolder();
    const queueUrl = `db:sqlite:${folder.file("jobs.db")}`;
    writeFileSync(
      folder.file("jobs.mjs"),
      `import { appendFileSync } from "node:fs";
       import { defineJobs } from "@bk/queue";
       const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
       export const jobs = defineJobs({ note: { run: async (n) => { appendFileSync("${folder.file("begun")}", n + "\\n"); await wait(1500); appendFileSync("${folder.file("done")}", n + "\\n"); } } });`,
    );
    execFileSync("ln", ["-s", `${process.cwd()}/node_modules`, folder.file("node_modules")]);
    await using server = await startServerProcess([
      "--workers",
      "1",
      "--job-workers",
      "2",
      "--jobs",
      folder.file("jobs.mjs"),
      "--queue",
      queueUrl,
      "--port",
      "0",
      "--home",
      folder.path,
      "--restart-delay",
      "100ms",
      "--log-file",
      folder.file("log"),
    ]);
    const workers = (): number[] => childrenNamed(server, "bk: worker");
    await vi.waitFor(() => expect(workers()).toHaveLength(2), soon);
    // What is sent to all processes of a server ends none of them.
    const all = childrenOf(server.child.pid!);
    for (const signal of ["SIGHUP", "SIGUSR2"]) for (const pid of all) process.kill(pid, signal);
    const logged = (what: string): number => readFileSync(folder.file("log"), "utf8").split(what).length - 1;
    mkdirSync(folder.file("etc"));
    writeFileSync(folder.file("etc/config"), "log-level=debug");
    await vi.waitFor(() => expect(logged("info → debug")).toBe(1 + all.length), soon);
    await runHere(["attach", "worker:0", "--eval", 'log.debug("told by a job process")', "--home", folder.path]);
    await vi.waitFor(() => expect(logged("debug told by a job process")).toBe(1), soon);
    expect(childrenOf(server.child.pid!)).toEqual(all);
    const queue = await openQueue(queueUrl, { name: "default" });
    const jobs = defineJobs({ note: { run: () => Promise.resolve() } });
    for (const n of [1, 2, 3, 4]) await jobs.submit(queue, "note", n);
    const lines = (name: string): string[] =>
      existsSync(folder.file(name)) ? readFileSync(folder.file(name), "utf8").trim().split("\n") : [];
    await vi.waitFor(() => expect(lines("begun").length).toBeGreaterThan(0), soon);
    process.kill(workers()[0]!, "SIGKILL");
    await vi.waitFor(() => expect([...new Set(lines("done"))].sort()).toEqual(["1", "2", "3", "4"]), { timeout: 90_000, interval: 200 });
    await vi.waitFor(() => expect(workers()).toHaveLength(2), soon);
    await queue.close();
    expect((await server.stop()).code).toBe(0);
  }, 150_000);

  it.runIf(process.getuid?.() === 0)(
    "that root starts becomes another user",
    async () => {
      using folder = temporaryFolder();
      execFileSync("chmod", ["755", folder.path]);
      for (const more of [[], ["--workers", "1"]]) {
        const log = folder.file("log");
        const [metrics, home] = [folder.file("metrics.sock"), folder.path];
        const options = ["--uid", "nobody", "--port", "0", "--home", home, "--log-file", log, "--metrics-listen", metrics];
        await using server = await startServerProcess([...more, ...options]);
        const served = more.length === 0 ? server.child.pid! : childrenNamed(server, "bk: web")[0]!;
        const status = readFileSync(`/proc/${served}/status`, "utf8");
        const nobody = Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" }));
        expect(/^Uid:\s+(.*)$/m.exec(status)![1]!.split(/\s+/).map(Number)).toEqual([nobody, nobody, nobody, nobody]);
        expect(/^Groups:\s*(.*)$/m.exec(status)![1]!.split(" ")).not.toContain("0");
        expect(statSync(folder.file("var/master.key")).uid).toBe(nobody);
        expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
        // Nobody could make these in that folder.
        expect([statSync(log).uid, statSync(metrics).uid]).toEqual([nobody, nobody]);
        if (more.length === 0) continue;
        // Of the folder's owner is the primary alone: it makes the next file, which the others open.
        renameSync(log, `${log}.1`);
        server.child.kill("SIGHUP");
        const opened = (): string => execFileSync("ls", ["-l", `/proc/${served}/fd`], { encoding: "utf8" });
        await vi.waitFor(() => expect(opened()).toContain(`${log}\n`), soon);
      }
      expect(await runCli(["--uid", "root", "--home", folder.path])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("without the rights of root"),
      });
      expect(await runCli(["--uid", "nosuchuser", "--home", folder.path])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("there is no nosuchuser"),
      });
    },
    60_000,
  );

  it("watches sources: what is saved takes over, what cannot start does not; the log goes on in a new file", async () => {
    using folder = temporaryFolder();
    const tables = (name: string): string => `export const tables = { ${name}: { id: { primary: 1, pub: true } } };`;
    writeFileSync(folder.file("tables.mjs"), tables("first"));
    const options = ["--watch", folder.path, "--tables", folder.file("tables.mjs"), "--port", "0", "--home", folder.path];
    await using server = await startServerProcess([...options, "--log-file", folder.file("a.log")]);
    const logged = (): string => readFileSync(folder.file("a.log"), "utf8");
    const has = async (name: string): Promise<boolean> => (await fetch(`${server.url}/data/count/${name}`)).status !== 404;
    const [before] = childrenNamed(server, "bk: web");
    writeFileSync(folder.file("tables.mjs"), "export const tables = {");
    await vi.waitFor(() => expect(logged()).toContain("the old one stays"), soon);
    expect(childrenNamed(server, "bk: web")).toEqual([before]);
    writeFileSync(folder.file("tables.mjs"), tables("second"));
    await vi.waitFor(() => expect(childrenNamed(server, "bk: web")).not.toContain(before), soon);
    expect(logged()).toContain("tables.mjs changed");
    expect(await has("second")).toBe(true);

    renameSync(folder.file("a.log"), folder.file("a.log.1"));
    server.child.kill("SIGHUP");
    await vi.waitFor(() => expect(existsSync(folder.file("a.log"))).toBe(true), soon);
    await vi.waitFor(async () => {
      await fetch(`${server.url}/openapi.json`);
      expect(logged()).toContain("GET /openapi.json 200");
    }, soon);
    const { code, stderr } = await server.stop();
    // What keeps a process from starting is told there too.
    expect([code, stderr]).toEqual([0, expect.stringContaining("tables.mjs")]);
  }, 90_000);
});
