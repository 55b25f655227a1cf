import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, describe, expect, it, vi } from "vitest";

import { Syslog, syslogTarget } from "./syslog.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A syslog server that reads records by their length. */
async function server(place: number | string = 0): Promise<{ readonly records: string[]; readonly port: number; end(): Promise<void> }> {
  const records: string[] = [];
  const sockets = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const space = bytes.indexOf(" ");
        const length = Number(bytes.subarray(0, space));
        if (space < 0 || bytes.length < space + 1 + length) return;
        records.push(bytes.subarray(space + 1, space + 1 + length).toString());
        bytes = bytes.subarray(space + 1 + length);
      }
    });
  });
  listening.listen(place);
  await once(listening, "listening");
  const end = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (listening.listening) await new Promise((resolve) => listening.close(resolve));
  };
  ends.push(end);
  return { records, port: typeof place === "string" ? 0 : (listening.address() as AddressInfo).port, end };
}

function opened(url: string, mostWaiting = 1000): Syslog {
  const syslog = new Syslog(syslogTarget(url)!, { mostWaiting, firstDelayMs: 5 });
  ends.push(() => syslog.close());
  return syslog;
}

const form = (priority: number, text: string): RegExp =>
  new RegExp(`^<${priority}>1 \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z \\S+ shop ${process.pid} - - ${text}$`);

const hasPython = spawnSync("python3", ["--version"]).status === 0;
/** On a busy machine. */
const soon = { timeout: 10_000 };

describe("syslog", () => {
  it("gets each record with its own severity, over TCP, and what waits before the end", async () => {
    const { records, port } = await server();
    const syslog = opened(`tcp://127.0.0.1:${port}?facility=local3&tag=shop`);
    syslog.send("error", "broken é\nsecond line");
    syslog.send("warn", "odd");
    syslog.send("info", "usual");
    syslog.send("debug", "much", 21);
    await syslog.close();
    await vi.waitFor(() => expect(records).toHaveLength(4), soon);
    for (const [i, [priority, text]] of (
      [
        [19 * 8 + 3, "broken é second line"],
        [19 * 8 + 4, "odd"],
        [19 * 8 + 6, "usual"],
        [21 * 8 + 7, "much"],
      ] as const
    ).entries())
      expect(records[i]).toMatch(form(priority, text));
    syslog.send("info", "after the end");
    expect(syslog.dropped).toBe(1);
  });

  it("is connected to again, keeps so many records meanwhile, counts the others, and says so", async () => {
    const first = await server();
    const syslog = opened(`tcp://127.0.0.1:${first.port}?tag=shop`, 3);
    syslog.send("info", "one");
    await vi.waitFor(() => expect(first.records).toHaveLength(1), soon);
    await first.end();
    // What is written into a connection that is just ending may be lost; then it is known to be gone.
    await vi.waitFor(() => {
      syslog.send("info", "while it is away");
      expect(syslog.dropped).toBeGreaterThan(0);
    }, soon);
    const { dropped } = syslog;
    const second = await server(first.port);
    await vi.waitFor(() => expect(second.records).toHaveLength(4), soon);
    expect(second.records[3]).toMatch(form(16 * 8 + 4, `${dropped} records of the log were not sent`));
    syslog.send("info", "two");
    await vi.waitFor(() => expect(second.records[4]).toMatch(form(16 * 8 + 6, "two")), soon);
    expect(syslog.dropped).toBe(dropped);
  });

  it("is reached at a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bk-syslog-"));
    ends.push(() => rmSync(folder, { recursive: true }));
    const { records } = await server(join(folder, "log"));
    opened(`unix:${join(folder, "log")}?tag=shop`).send("error", "over a socket");
    await vi.waitFor(() => expect(records[0]).toMatch(form(16 * 8 + 3, "over a socket")), soon);
  });

  it("gets datagrams that are not too long", async () => {
    const socket = createSocket("udp4");
    ends.push(() => new Promise<void>((resolve) => void socket.close(() => resolve())));
    const records: string[] = [];
    socket.on("message", (bytes) => void records.push(bytes.toString()));
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const syslog = opened(`udp://127.0.0.1:${socket.address().port}?tag=shop`);
    syslog.send("warn", "short");
    syslog.send("warn", "é".repeat(20_000));
    await vi.waitFor(() => expect(records).toHaveLength(2), soon);
    expect(records[0]).toMatch(form(16 * 8 + 4, "short"));
    expect(Buffer.byteLength(records[1]!)).toBeLessThanOrEqual(8192);
    expect(records[1]).toMatch(/é$/);
  });

  it.runIf(hasPython)("says that a socket of datagrams, such as /dev/log, can never be sent to", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bk-syslog-"));
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "log");
    // Node makes no such sockets either.
    const code = "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print(); sys.stdin.read()";
    const other = spawn("python3", ["-u", "-c", code, path]);
    ends.push(() => other.kill());
    await once(other.stdout, "data");
    const told: string[] = [];
    const syslog = new Syslog(syslogTarget(`unix:${path}`)!, { firstDelayMs: 1, onUnusable: (why) => void told.push(why) });
    await vi.waitFor(() => expect(told).toEqual([expect.stringMatching(/log takes datagrams, .*; use udp:\/\/ or tcp:\/\/$/)]), soon);
    await syslog.close();
  });

  it("has a URL of so many parts", () => {
    expect(syslogTarget("udp://host")).toEqual({ transport: "udp", host: "host", port: 514, path: "", facility: 16, tag: "bk" });
    expect(syslogTarget("tcp://[::1]:601?facility=daemon&tag=a")).toMatchObject({ host: "::1", port: 601, facility: 3, tag: "a" });
    for (const text of [
      "host",
      "udp://",
      "udp://h:70000",
      "unix:log",
      "tcp://h?facility=none",
      "tcp://h?tag=a%20b",
      "tcp://h?other=1",
      "http://h",
    ])
      expect([text, syslogTarget(text)]).toEqual([text, undefined]);
  });
});
