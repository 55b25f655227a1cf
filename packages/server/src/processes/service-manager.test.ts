import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLog } from "@bk/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { serviceManager } from "./service-manager.js";

// As the manager of services listens, of which Node cannot be one: a line for each datagram.
const listener = `use IO::Socket::UNIX; $| = 1;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
while (defined $socket->recv(my $text, 4096)) { $text =~ s/\\n/ /g; print "$text\\n" }`;
const hasPrograms = ["systemd-notify", "perl"].every((program) => {
  try {
    return execFileSync(program, ["--version"]).length > 0;
  } catch {
    return false;
  }
});

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "bk-notify-"))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("the manager of services", () => {
  it.runIf(hasPrograms)("is told that the server serves, lives and ends", async () => {
    const socket = join(folder, "notify");
    const perl = spawn("perl", ["-e", listener, socket], { stdio: ["ignore", "pipe", "inherit"] });
    let told = "";
    perl.stdout.on("data", (bytes) => (told += bytes));
    try {
      await vi.waitFor(() => expect(existsSync(socket)).toBe(true), { timeout: 10_000 });
      vi.stubEnv("NOTIFY_SOCKET", socket);
      vi.stubEnv("WATCHDOG_USEC", "150000");
      vi.stubEnv("WATCHDOG_PID", String(process.pid));
      const manager = serviceManager(silentLog);
      manager.ready("serves at http://127.0.0.1:80");
      await vi.waitFor(() => expect(told).toMatch(/READY=1 STATUS=serves at http:\/\/127\.0\.0\.1:80[^]*WATCHDOG=1[^]*WATCHDOG=1/), {
        timeout: 10_000,
      });
      manager.stopping();
      await vi.waitFor(() => expect(told).toContain("STOPPING=1"), { timeout: 10_000 });
    } finally {
      perl.kill();
    }
  });

  it("is told nothing where there is none, or where it cannot be told: the server serves all the same", async () => {
    const error = vi.fn();
    vi.stubEnv("NOTIFY_SOCKET", undefined);
    serviceManager({ ...silentLog, error }).ready("serves");
    vi.stubEnv("NOTIFY_SOCKET", join(folder, "notify"));
    vi.stubEnv("PATH", folder);
    const manager = serviceManager({ ...silentLog, error });
    manager.ready("serves");
    await vi.waitFor(() => expect(error).toHaveBeenCalledWith(expect.stringContaining("systemd cannot be told"), expect.anything()));
    manager.stopping();
    expect(error).toHaveBeenCalledTimes(1);
  });
});
