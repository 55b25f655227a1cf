import type { Socket } from "node:net";
import { PassThrough } from "node:stream";

import { expect, it } from "vitest";

import { leaveStuck } from "./attach.js";

it("a process that says nothing to three times Ctrl+C is left", () => {
  const [keys, socket] = [new PassThrough(), new PassThrough()];
  leaveStuck(keys, socket as unknown as Socket);
  for (const _time of [1, 2, 3]) {
    keys.emit("data", Buffer.from("\u0003"));
    socket.emit("data", Buffer.from("\nbk> "));
  }
  keys.emit("data", Buffer.from("\u0003\u0003"));
  expect(socket.destroyed).toBe(false);
  keys.emit("data", Buffer.from("\u0003"));
  expect(socket.destroyed).toBe(true);
});
