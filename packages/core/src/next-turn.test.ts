import { describe, expect, it } from "vitest";

import { testClock } from "./clock.js";
import { turnGiver } from "./next-turn.js";

describe("turnGiver", () => {
  it("gives a turn when the loop was held for 10 ms, and not again before as much time has passed", async () => {
    const clock = testClock();
    const turn = turnGiver(clock);
    expect(turn()).toBeUndefined();
    clock.advance(9);
    expect(turn()).toBeUndefined();
    clock.advance(1);
    const order: string[] = [];
    setTimeout(() => order.push("timer"), 0);
    await new Promise((resolve) => setTimeout(resolve, 2));
    setImmediate(() => order.push("other"));
    await turn();
    expect(order).toContain("other");
    expect(turn()).toBeUndefined();
  });
});
