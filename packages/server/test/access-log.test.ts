import { mkdirSync, readFileSync, renameSync, existsSync } from "node:fs";

import { describe, expect, it, vi } from "vitest";

import { runCli, startServerProcess, temporaryFolder } from "./run-cli.js";
import { startServer } from "./start-server.js";

const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : []);

/** On a busy machine. */
const soon = { timeout: 10_000 };

describe("the access log", () => {
  it("tells how much was sent, to whom, from where, and nothing of a query that was not asked for", async () => {
    const lines: string[] = [];
    await using on = await startServer({
      accessLog: { format: "combined", write: (line) => void lines.push(line), fields: ["q:page", "h:x-app", "a:login"] },
      trustedProxies: ["127.0.0.0/8"],
    });
    const { url } = await on.server.listen({ port: 0 });
    const sent = await fetch(`${url}/openapi.json?page=2&token=hush`, {
      headers: { "x-forwarded-for": "203.0.113.9", "user-agent": 'evil" 200\\', referer: "http://here/?token=hush", "x-app": "shop" },
    });
    const { byteLength } = await sent.arrayBuffer();
    await vi.waitFor(() => expect(lines).toHaveLength(1), soon);
    const when = String.raw`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]`;
    expect(lines[0]).toMatch(
      new RegExp(
        String.raw`^203\.0\.113\.9 - - ${when} "GET /openapi.json HTTP/1.1" ${sent.status} ${byteLength} "http://here/" "evil\\" 200\\\\" "2" "shop" "-"$`,
      ),
    );
    await fetch(`${url}/openapi.json`, { method: "HEAD" });
    await vi.waitFor(() => expect(lines[1]).toMatch(/"HEAD \/openapi\.json HTTP\/1\.1" \d{3} - "-" "/), soon);
    await on.call("root", "/data/select/city?country=x");
    expect(lines[2]).toMatch(/^- - root .* "GET \/data\/select\/city HTTP\/1\.1" 200 - "-" "-" "-" "-" "root"$/);
    expect(lines.join("\n")).not.toContain("hush");
    expect(on.logged.filter((line) => /GET|HEAD/.test(line))).toEqual([]);
  });

  it("is off where it is told to, and JSON with fields", async () => {
    await using off = await startServer({ accessLog: false });
    await off.call("root", "/data/select/city?country=x");
    expect(off.logged.filter((line) => line.includes("GET"))).toEqual([]);
    const lines: string[] = [];
    await using on = await startServer({ accessLog: { format: "json", write: (line) => void lines.push(line), fields: ["a:type"] } });
    await on.call("root", "/data/select/city?country=x", { signed: false });
    await on.call("root", "/data/select/city?country=x");
    const [refused, served] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(refused).toMatchObject({ method: "GET", path: "/data/select/city", status: 401 });
    expect(served).toMatchObject({ login: "root", type: "admin", status: 200, ms: expect.any(Number) });
    await expect(startServer({ accessLog: { fields: ["h:cookie"] } })).rejects.toMatchObject({ detail: { field: "accessLog.fields" } });
  });

  it("has a file of its own, which SIGHUP opens anew in all processes", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("log"));
    const [file, old] = [folder.file("log/access.log"), folder.file("log/access.1")];
    const options = ["--access-log", "combined", "--access-log-file", file, "--workers", "1", "--port", "0", "--home", folder.path];
    await using server = await startServerProcess(options);
    await fetch(`${server.url}/openapi.json`);
    await vi.waitFor(() => expect(linesOf(file)).toHaveLength(1), soon);
    renameSync(file, old);
    server.child.kill("SIGHUP");
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), soon);
    await fetch(`${server.url}/openapi.json`);
    await vi.waitFor(() => expect([...linesOf(old), ...linesOf(file)].filter((line) => line !== "")).toHaveLength(2), { timeout: 10_000 });
    const { stderr } = await server.stop();
    expect(stderr).not.toContain("openapi.json");
    const wrong = await runCli(["--access-log-file", file, "--port", "0", "--home", folder.path]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("access-log-file needs access-log to be json or combined") });
  }, 90_000);
});
