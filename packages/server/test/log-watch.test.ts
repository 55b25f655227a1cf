import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { openDb } from "@bk/db";
import { describe, expect, it, vi } from "vitest";

import { logReportTable } from "../src/log-watch/send-report.js";
import { runHere, startServerProcess, temporaryFolder } from "./run-cli.js";

interface Hook extends AsyncDisposable {
  readonly url: string;
  readonly bodies: Record<string, unknown>[];
  status: number;
}

/** A web address that takes what is posted. */
async function hook(): Promise<Hook> {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      if (own.status === 200) bodies.push(JSON.parse(text) as Record<string, unknown>);
      response.writeHead(own.status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const own: Hook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/s3cret`,
    bodies,
    status: 200,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  };
  return own;
}

describe("bk-server logwatch", () => {
  it("tells what is new to a web address, Slack, a table, a mailbox and the console", async () => {
    using folder = temporaryFolder();
    await using web = await hook();
    const log = folder.file("app.log");
    const settings = folder.file("config");
    writeFileSync(log, "error <!channel> broke & ```burnt```\nwarn odd\nnote A\nnote B\nlast C\n");
    const db = `sqlite:${folder.file("logs.db")}`;
    writeFileSync(
      settings,
      [
        `logwatch-error-send=slack:${web.url}`,
        `logwatch-warning-send=${web.url}`,
        "logwatch-note-match=^note",
        "logwatch-note-ignore=B$",
        "logwatch-note-send=table:",
        "logwatch-last-match=^last",
        "logwatch-last-send=mailto:ann@example.com",
        "logwatch-said-match=broke",
        `mail-transport=file:${folder.file("mails")}`,
        "mail-from=app@example.com",
        `logwatch-files=${log}`,
        `db=${db}`,
      ]
        .filter((line) => !line.startsWith("logwatch-said"))
        .join("\n"),
    );
    const options = ["--home", folder.path, "--config-file", settings];
    const first = await runHere(["logwatch", ...options]);
    expect(first).toMatchObject({ code: 0, stdout: "4 reports of 1 files\n" });
    expect(web.bodies).toHaveLength(2);
    const text = String(web.bodies.find((body) => Object.keys(body).join() === "text")?.["text"]);
    expect(text).toMatch(/^\*error: 1 line of \S+ on \S+\*\n```\nerror &lt;!channel&gt; broke &amp; '''burnt'''\n```$/);
    expect(web.bodies.find(({ channel }) => channel === "warning")).toMatchObject({
      text: "warn odd",
      count: 1,
      subject: expect.stringContaining("warning: 1 line"),
    });
    const [mail] = readdirSync(folder.file("mails"));
    expect(readFileSync(`${folder.file("mails")}/${mail}`, "utf8")).toMatch(/Subject: last: 1 line[\s\S]*\r?\n\r?\nlast C/);
    {
      await using opened = await openDb({ url: db, tables: logReportTable });
      const { rows } = await opened.select("bk_log_report", { channel: "note" });
      expect(rows).toMatchObject([{ text: "note A", count: 1 }]);
    }
    expect(await runHere(["logwatch", ...options])).toMatchObject({ code: 0, stdout: "0 reports of 1 files\n" });
    web.status = 500;
    appendFileSync(log, "error again\n");
    const failed = await runHere(["logwatch", ...options, "--logwatch-pause", "0"]);
    expect(failed.stdout).toBe("0 reports of 1 files\n");
    const explained = await runHere(["config", "explain", "logwatch-error-send", ...options]);
    expect(failed.stderr + explained.stdout + explained.stderr).not.toContain("s3cret");
    web.status = 200;
    appendFileSync(log, "fine\norder 5\norder 6 is too far away\n");
    const attached = ["--logwatcher-match-any", "^order", "--logwatch-any-range", "2"];
    expect(
      (await runHere(["logwatch", ...options, "--logwatch-pause", "0", "--logwatch-error-send", "console:", ...attached])).stdout,
    ).toMatch(/^error: 1 line .*\nerror again\n1 reports/);
    appendFileSync(log, "error more\nfine\norder 5\norder 6 is too far away\n");
    expect(
      (await runHere(["logwatch", ...options, "--logwatch-pause", "0", "--logwatch-error-send", "console:", ...attached])).stdout,
    ).toMatch(/^error: 1 line .*\nerror more\norder 5\n1 reports/);
  });

  it("refuses channels that cannot be, naming the setting", async () => {
    using folder = temporaryFolder();
    const log = ["--home", folder.path, "--logwatch-files", folder.file("x.log")];
    const refusals: [string[], string][] = [
      [[], "nobody is to be told anything"],
      [["--logwatch-odd-send", "console:"], "logwatch-odd-send needs logwatch-odd-match"],
      [["--logwatch-odd-match", "x"], "logwatch-odd-match needs logwatch-odd-send"],
      [["--logwatch-any-send", "console:"], "lines of the channel any are told with those of other channels"],
      [["--logwatch-error-send", "ftp://x"], "console:, table:, https://host/path"],
      [["--logwatch-error-match", "("], "must be a regular expression"],
      [["--logwatch-error-send", "mailto:a@example.com"], "needs mail-transport and mail-from"],
    ];
    for (const [options, message] of refusals) {
      const { code, stderr } = await runHere(["logwatch", ...log, ...options]);
      expect([stderr, code === 0]).toEqual([expect.stringContaining(message), false]);
    }
    expect((await runHere(["logwatch", "--home", folder.path, "--logwatch-error-send", "console:"])).stderr).toContain(
      "logwatch-files is missing",
    );
  });

  it("is done by a server that runs, by one of its processes; so is the removal of old files", async () => {
    using folder = temporaryFolder();
    await using web = await hook();
    const log = folder.file("server.log");
    mkdirSync(folder.file("tmp"));
    const [old, recent] = [folder.file("tmp/old"), folder.file("tmp/recent")];
    for (const path of [old, recent]) writeFileSync(path, "x");
    const before = new Date(Date.now() - 48 * 3_600_000);
    utimesSync(old, before, before);
    // prettier-ignore
    await using server = await startServerProcess(["--workers", "1", "--port", "0", "--home", folder.path, "--log-file", log, "--tmp-age", "1d",
      "--logwatch-interval", "1s", "--logwatch-pause", "0", "--logwatch-error-send", web.url]);
    await vi.waitFor(() => expect(existsSync(old)).toBe(false), { timeout: 10_000 });
    expect(existsSync(recent)).toBe(true);
    appendFileSync(log, "error broke\n");
    await vi.waitFor(() => expect(web.bodies).toMatchObject([{ channel: "error", text: "error broke" }]), { timeout: 10_000 });
    expect((await server.stop()).code).toBe(0);
    expect(readFileSync(log, "utf8")).toMatch(/1 old files were removed/);
  });
});
