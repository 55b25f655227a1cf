import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it } from "vitest";

import { listenAtPath } from "./listen-at.js";
import { localSocket } from "./local-socket.js";

it("removes what primaries that were killed have left, and nothing of those that run or begin", async () => {
  const system = mkdtempSync(join(tmpdir(), "bk-"));
  const [dead, empty, live, young, other] = ["bk-web-dead00", "bk-web-empty0", "bk-web-live00", "bk-web-young0", "bk-web-long-name"];
  for (const name of [dead, empty, live, young, other]) mkdirSync(join(system, name!));
  // As after SIGKILL: a file that nobody listens at.
  writeFileSync(join(system, dead!, "web.sock"), "");
  const server = createServer();
  await listenAtPath(server, join(system, live!, "web.sock"));
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const name of [dead, empty, live, other]) utimesSync(join(system, name!), hourAgo, hourAgo);
  const socket = await localSocket(undefined, system);
  expect([dead, empty, live, young, other].filter((name) => existsSync(join(system, name!)))).toEqual([live, young, other]);
  socket.remove();
  server.close();
  rmSync(system, { recursive: true });
});
