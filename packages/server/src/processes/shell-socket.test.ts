import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { silentLog } from "@bk/core";
import { expect, it } from "vitest";

import { openShell, shellPath } from "./shell-socket.js";

it("a shell says that its process ends", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bk-shell-"));
  try {
    let begun = (): void => undefined;
    const talks = new Promise<void>((resolve) => (begun = resolve));
    const talk = (): Promise<void> => {
      begun();
      return new Promise(() => undefined);
    };
    const shell = await openShell(folder, { talk, run: (code) => Promise.resolve(code) }, silentLog);
    const socket = connect(shellPath(folder, process.pid));
    socket.write(`${JSON.stringify({ terminal: false })}\n`);
    const told = text(socket);
    await talks;
    shell.close();
    expect(await told).toBe("\r\nthe process ends\r\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
