import { appendFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Log, silentLog, testClock } from "@bk/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { matchesOf, usualMatches } from "./channels.js";
import { mostBytes } from "./read-new.js";
import { keyOf, type Report } from "./report.js";
import { type ToldChannel, watchLogs, type WatchOptions } from "./watch-logs.js";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "bk-logwatch-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const channel = (name: string, more: Partial<ToldChannel> = {}): ToldChannel => ({
  name,
  match: new RegExp(usualMatches[name] ?? "."),
  ignore: undefined,
  pauseMs: 0,
  once: false,
  send: () => Promise.resolve(),
  ...more,
});

function watcher(more: Partial<WatchOptions> = {}, ofChannel: Partial<ToldChannel> = {}) {
  const file = join(folder, "app.log");
  const reports: Report[] = [];
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  const clock = testClock({ now: 1_000_000_000_000 });
  let isAway = false;
  const send = (report: Report): Promise<void> => {
    if (isAway) return Promise.reject(new Error("away"));
    reports.push(report);
    return Promise.resolve();
  };
  const options: WatchOptions = {
    files: [{ path: file }],
    channels: [channel("error", { send, ...ofChannel }), channel("warning", { send, ...ofChannel })],
    statePath: join(folder, "state.json"),
    host: "h1",
    app: "shop",
    clock,
    log,
    ...more,
  };
  return {
    file,
    warnings,
    clock,
    send,
    away: (is: boolean) => void (isAway = is),
    /** Looks, and gives the texts that were told since the last look. */
    async look(): Promise<string[]> {
      await watchLogs(options);
      return reports.splice(0).map(({ channel: name, text }) => `${name}: ${text}`);
    },
  };
}

describe("the log watcher", () => {
  it("tells lines of its channels with those that belong to them, each once, also after a restart", async () => {
    const { file, look } = watcher();
    writeFileSync(
      file,
      "2026-11-30T10:00:00Z info fine\n2026-11-30T10:00:00Z error broke\n  at one\n\tat two\n2026-11-30T10:00:01Z warn odd\nhalf a li",
    );
    expect(await look()).toEqual(["error: 2026-11-30T10:00:00Z error broke\n  at one\n\tat two", "warning: 2026-11-30T10:00:01Z warn odd"]);
    expect(await look()).toEqual([]);
    appendFileSync(file, 'ne ERROR\n{"level":"error","message":"x"}\n');
    expect(await look()).toEqual(['error: half a line ERROR\n{"level":"error","message":"x"}']);
    // All that it knows is in the file of its state.
    rmSync(join(folder, "state.json"));
    expect(await look()).toHaveLength(2);
  });

  it("goes on in what was moved away, and begins anew in what was emptied, also when that has grown again", async () => {
    const { file, look } = watcher();
    writeFileSync(file, "a long line before\nerror one\n");
    await look();
    appendFileSync(file, "error two\n");
    renameSync(file, `${file}.1`);
    writeFileSync(file, "error three\n");
    expect(await look()).toEqual(["error: error two\nerror three"]);
    truncateSync(file, 0);
    appendFileSync(file, "error four is a line that makes the file longer than it was before\n");
    expect(await look()).toEqual(["error: error four is a line that makes the file longer than it was before"]);
    rmSync(file);
    expect(await look()).toEqual([]);
    writeFileSync(file, "error five\n");
    expect(await look()).toEqual(["error: error five"]);
  });

  it("reads a megabyte at most, the last one, and says what it passed over", async () => {
    const { file, look, warnings } = watcher();
    writeFileSync(file, `error first\n${`${"x".repeat(99)}\n`.repeat(20_000)}error last é\n`);
    expect(await look()).toEqual(["error: error last é"]);
    expect(Number(/(\d+) bytes of .* were passed over/.exec(warnings[0]!)?.[1])).toBeGreaterThan(2_000_000 - mostBytes);
    appendFileSync(file, "error next\n");
    expect(await look()).toEqual(["error: error next"]);
  });

  it("counts lines that are equal but for numbers, and keeps no more than some kinds", async () => {
    const { file, look } = watcher();
    writeFileSync(
      file,
      Array.from({ length: 30 }, (_each, i) => `2026-11-30T10:00:${i}Z error request ${i} failed {"id":"r${i}-x"}\n`).join(""),
    );
    expect(await look()).toEqual(['error: 2026-11-30T10:00:0Z error request 0 failed {"id":"r0-x"}\n  (30 times)']);
    const word = (i: number): string => String.fromCodePoint(97 + Math.floor(i / 26), 97 + (i % 26));
    appendFileSync(file, Array.from({ length: 80 }, (_each, i) => `error kind ${word(i)} of it\n`).join(""));
    const [text] = await look();
    expect(text!.split("\n")).toHaveLength(51);
    expect(text).toMatch(/\nand 30 more$/);
  });

  it("waits between reports, and sends again what was not taken", async () => {
    const { file, look, clock, away, warnings } = watcher({}, { pauseMs: 300_000 });
    writeFileSync(file, "error one\n");
    expect(await look()).toEqual(["error: error one"]);
    appendFileSync(file, "error two\n");
    clock.advance(299_000);
    expect(await look()).toEqual([]);
    appendFileSync(file, "error three\n");
    clock.advance(1000);
    away(true);
    expect(await look()).toEqual([]);
    expect(warnings).toEqual(["log watcher: the report of error was not taken; it is sent again the next time"]);
    away(false);
    expect(await look()).toEqual(["error: error two\nerror three"]);
  });

  it("tells what is told once not again before a day without it", async () => {
    const { file, look, clock } = watcher({}, { once: true });
    writeFileSync(file, "error at 1\n");
    expect(await look()).toEqual(["error: error at 1"]);
    clock.advance(20 * 3_600_000);
    appendFileSync(file, "error at 2\n");
    expect(await look()).toEqual([]);
    clock.advance(20 * 3_600_000);
    appendFileSync(file, "error at 3\nerror other\n");
    expect(await look()).toEqual(["error: error other"]);
    clock.advance(25 * 3_600_000);
    appendFileSync(file, "error at 4\n");
    expect(await look()).toEqual(["error: error at 4"]);
  });

  it("tells lines of any channel with one that stands shortly before, and never by themselves", async () => {
    const { file, look } = watcher({ attached: { match: /^detail/, ignore: /secret/, range: 3 } });
    writeFileSync(
      file,
      [
        "detail of nothing",
        "error one",
        "detail a",
        "  more of a",
        "detail secret",
        "detail too far away",
        "error two",
        "fine",
        "  more of fine",
        "detail b",
        "",
      ].join("\n"),
    );
    expect(await look()).toEqual(["error: error one\ndetail a\n  more of a\nerror two\ndetail b"]);
  });

  it("takes every line of some logs, leaves out what is to be ignored and what it says itself", async () => {
    const { file, send, look } = watcher({
      files: [{ path: join(folder, "err.log"), channel: "error" }, { path: join(folder, "app.log") }],
    });
    writeFileSync(join(folder, "err.log"), "anything\n\nat all\n");
    writeFileSync(file, "warn log watcher: the report of error was not taken\nfine\n");
    expect(await look()).toEqual(["error: anything\nat all"]);
    const quiet = watcher({ channels: [channel("error", { send, ignore: /expected/ })], statePath: join(folder, "other.json") });
    writeFileSync(file, "error expected\nerror odd\n");
    await quiet.look();
    expect(await look()).toEqual(["error: error odd", "error: error expected\nerror odd"]);
  });

  it("reads anew where its state is none, and keeps the old one when it cannot write", async () => {
    const { file, look, warnings } = watcher();
    writeFileSync(file, "error one\n");
    writeFileSync(join(folder, "state.json"), "{broken");
    expect(await look()).toEqual(["error: error one"]);
    expect(warnings[0]).toContain("cannot be read; the logs are read anew");
    expect(JSON.parse(readFileSync(join(folder, "state.json"), "utf8"))).toHaveProperty("files");
    expect(existsSync(join(folder, "state.json"))).toBe(true);
  });

  it("takes its time from no line: expressions see the beginning of long ones", () => {
    const [match] = matchesOf([`error ${"x".repeat(1_000_000)}`], [channel("error")]);
    expect(match!.text).toHaveLength(2000);
    expect(keyOf("a".repeat(2000) + "-1".repeat(1000))).toHaveLength(16);
  });
});
