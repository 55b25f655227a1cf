import { type Log, silentLog, systemClock, testClock } from "@bk/core";
import { openPubSub } from "@bk/queue";
import { afterEach, describe, expect, it, vi } from "vitest";

import { fleetCommand, joinFleet, tellFleet } from "./fleet.js";

const key = "a key that all of them have";
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function member(url: string, own = key, clock = systemClock): Promise<{ readonly done: string[]; readonly logged: string[] }> {
  const [done, logged]: [string[], string[]] = [[], []];
  const note = (message: string, fields: object = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, info: note, warn: note };
  const handlers = {
    reload: () => done.push("reload"),
    restart: () => done.push("restart"),
    logLevel: (level: string) => done.push(level),
  };
  const { close } = await joinFleet(url, own, handlers, log, clock);
  ends.push(close);
  return { done, logged };
}

let count = 0;
const bus = (): string => `local:fleet-${++count}`;

describe("commands to a fleet", () => {
  it("reach all servers of the bus, each once, and are logged", async () => {
    const url = bus();
    const members = [await member(url), await member(url)];
    await tellFleet(url, key, { do: "reload" });
    await tellFleet(url, key, { do: "log-level", level: "debug" });
    await tellFleet(url, key, { do: "restart" });
    for (const { done } of members) await vi.waitFor(() => expect(done).toEqual(["reload", "debug", "restart"]));
    expect(members[0]!.logged[1]).toMatch(/^a command to the fleet: log-level .*"level":"debug"/);
  });

  it("that are not signed by the key, are old, or come again are not carried out", async () => {
    const url = bus();
    const clock = testClock();
    const { done, logged } = await member(url, key, clock);
    await tellFleet(url, "another key of others", { do: "restart" }, clock);
    const caught: unknown[] = [];
    const eavesdropper = await openPubSub(url);
    ends.push(() => eavesdropper.close());
    await eavesdropper.subscribe("bk:fleet", (message) => void caught.push(message));
    await tellFleet(url, key, { do: "reload" }, clock);
    await vi.waitFor(() => expect([done, caught.length]).toEqual([["reload"], 1]));
    await eavesdropper.publish("bk:fleet", caught[0]);
    clock.advance(61_000);
    await eavesdropper.publish("bk:fleet", caught[0]);
    for (const nonsense of [null, 5, {}, { text: "{}", mac: "x" }, { text: 1, mac: 2 }]) await eavesdropper.publish("bk:fleet", nonsense);
    await vi.waitFor(() => expect(logged).toHaveLength(1 + 1 + 1 + 5));
    expect(done).toEqual(["reload"]);
    expect(logged.filter((line) => line.includes("too old"))).toHaveLength(1);
  });

  it("that a server may have missed have it read its configuration again", async () => {
    const url = `shared:fleet-${process.pid}`;
    // The one that hands messages on, until it ends.
    const host = await openPubSub(`${url}?host=true`);
    const { done, logged } = await member(url);
    await host.close();
    await vi.waitFor(() => expect(done).toEqual(["reload"]));
    expect(logged).toEqual([expect.stringContaining("may have been missed")]);
    await tellFleet(url, key, { do: "restart" });
    await vi.waitFor(() => expect(done).toEqual(["reload", "restart"]));
  });

  it("are checked before they are sent", () => {
    expect(fleetCommand("log-level", "warn")).toEqual({ do: "log-level", level: "warn" });
    expect(() => fleetCommand("halt", undefined)).toThrow("there are reload, restart, log-level");
    expect(() => fleetCommand("log-level", "loud")).toThrow("level must be one of debug, info, warn, error");
  });
});
