import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connectAgain, meaningOfRedis, withoutCommand } from "./redis.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Client extends EventEmitter {
  attempts = 0;
  connect(): Promise<void> {
    this.attempts++;
    // As ioredis does: an attempt that fails ends the client once more.
    this.emit("end");
    return Promise.reject(new Error("Connection is closed."));
  }
}

test("a client that has given up is connected again until the app ends it", async () => {
  const client = new Client();
  let isClosed = false;
  connectAgain(client, () => isClosed);
  client.emit("end");
  expect(client.attempts).toBe(0);
  await vi.advanceTimersByTimeAsync(500);
  expect(client.attempts).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(client.attempts).toBe(3);
  isClosed = true;
  await vi.advanceTimersByTimeAsync(5000);
  expect(client.attempts).toBe(3);
});

test("further words go before those that all have", () => {
  const own = { WRONGTYPE: { code: "drift", outcome: "none" }, BUSY: { code: "internal" } } as const;
  expect(meaningOfRedis(new Error("WRONGTYPE Operation against a key"), own)).toEqual(own.WRONGTYPE);
  expect(meaningOfRedis(new Error("BUSY Redis is busy"), own)).toEqual(own.BUSY);
  expect(meaningOfRedis(new Error("BUSY Redis is busy"))).toMatchObject({ code: "limited", outcome: "none" });
  expect(meaningOfRedis(new Error("Socket timeout. Expecting data"))).toMatchObject({ code: "unavailable", outcome: "unknown" });
  expect(meaningOfRedis(new Error("ERR unknown command"))).toBeUndefined();
});

test("an error loses its command, which has values and passwords", () => {
  const error = Object.assign(new Error("ERR"), { command: { name: "auth", args: ["hidden"] } });
  expect(withoutCommand(error)).not.toHaveProperty("command");
});
