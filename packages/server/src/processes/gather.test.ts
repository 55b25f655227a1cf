import { EventEmitter } from "node:events";

import { describe, expect, it } from "vitest";

import type { Family } from "../metrics/family.js";
import { Child } from "./child.js";
import { Gatherer } from "./gather.js";
import type { ToWorker } from "./messages.js";

/** A process that is no process: it answers with what it counted, unless it is silent. */
class Process extends EventEmitter {
  readonly pid = 1;
  connected = true;
  isSilent = false;
  count = 0;

  get families(): Family[] {
    return [
      { name: "c_total", help: "c", type: "counter", series: [{ labels: {}, values: [this.count] }] },
      { name: "g", help: "g", type: "gauge", series: [{ labels: {}, values: [this.count] }] },
    ];
  }

  send(message: ToWorker): void {
    if (message.bk === "tell" && !this.isSilent) this.emit("message", { bk: "part", id: message.id, part: this.families });
  }

  end(): void {
    this.connected = false;
    this.emit("exit", 0, null);
    this.emit("disconnect");
  }
}

function start(gatherer: Gatherer, name: string): { readonly process: Process; readonly child: Child } {
  const process = new Process();
  const child = new Child(
    process as never,
    () => 0,
    () => undefined,
  );
  gatherer.add(name, child);
  process.emit("message", { bk: "ready" });
  return { process, child };
}

async function told(gatherer: Gatherer): Promise<{ readonly sum: number; readonly gauges: object; readonly answered: object }> {
  const families = await gatherer.families();
  const byWorker = (name: string): object =>
    Object.fromEntries(
      (families.find((each) => each.name === name)?.series ?? []).map(({ labels, values }) => [labels["worker"], values[0]]),
    );
  const [sum = 0] = families.find(({ name }) => name === "c_total")?.series[0]?.values ?? [];
  return { sum, gauges: byWorker("g"), answered: byWorker("bk_process_answered") };
}

describe("what processes measure", () => {
  it("never falls: not when one is silent, is replaced, says what it counted last, or is killed", async () => {
    const gatherer = new Gatherer(() => Promise.resolve([]), 20);
    const [a, b] = [start(gatherer, "web-0"), start(gatherer, "web-1")];
    [a.process.count, b.process.count] = [5, 7];
    expect(await told(gatherer)).toEqual({ sum: 12, gauges: { "web-0": 5, "web-1": 7 }, answered: { "web-0": 1, "web-1": 1 } });
    a.process.isSilent = true;
    a.process.count = 6;
    expect(await told(gatherer)).toEqual({ sum: 12, gauges: { "web-1": 7 }, answered: { "web-0": 0, "web-1": 1 } });
    // Its successor is there before it ends.
    a.child.isEnding = true;
    const next = start(gatherer, "web-0");
    next.process.count = 1;
    expect(await told(gatherer)).toEqual({ sum: 13, gauges: { "web-0": 1, "web-1": 7 }, answered: { "web-0": 1, "web-1": 1 } });
    a.process.count = 9;
    a.process.emit("message", { bk: "last", families: a.process.families });
    a.process.end();
    expect((await told(gatherer)).sum).toBe(9 + 7 + 1);
    b.process.end();
    expect(await told(gatherer)).toEqual({ sum: 17, gauges: { "web-0": 1 }, answered: { "web-0": 1 } });
  });

  it("is asked for at the same time by several", async () => {
    const gatherer = new Gatherer(() => Promise.resolve([]));
    const { process } = start(gatherer, "web-0");
    process.count = 3;
    const all = await Promise.all([1, 2, 3].map(() => told(gatherer)));
    expect(all.map(({ sum }) => sum)).toEqual([3, 3, 3]);
  });
});
