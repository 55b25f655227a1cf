import { expect, it, vi } from "vitest";
import { clientEventNames, ClientEvents } from "./client-events.js";
import { silentLog } from "./log.js";

it("tells each event once, in the order of what happens", () => {
  const events = new ClientEvents();
  const told: unknown[] = [];
  for (const name of clientEventNames) events.on(name, ({ error }) => told.push(error === undefined ? name : [name, error]));
  events.lost();
  events.lost("no route");
  events.connected();
  events.connected();
  events.lost("reset");
  events.lost();
  events.connected();
  events.closed();
  events.closed();
  events.connected();
  events.lost("late");
  expect(told).toEqual([["error", "no route"], "connect", "ready", ["disconnect", "reset"], "reconnect", "ready", "close"]);
});

it("goes on when a listener fails, and leaves out those that have stopped", () => {
  const error = vi.fn();
  const events = new ClientEvents({ ...silentLog, error });
  const told: string[] = [];
  events.on("ready", () => {
    throw new Error("mine");
  });
  const stop = events.on("ready", () => told.push("stopped"));
  events.on("ready", () => told.push("told"));
  stop();
  events.connected();
  expect(told).toEqual(["told"]);
  expect(error).toHaveBeenCalledOnce();
});
