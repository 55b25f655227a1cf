import { testClock } from "@bk/core";
import { expect, it } from "vitest";
import { PollRate } from "./poll-rate.js";

const never = new AbortController().signal;

it("begins so many requests in a second, evenly, and does not save up what was not used", async () => {
  const clock = testClock({ now: 1000 });
  const rate = new PollRate(clock, 4);
  const begun: number[] = [];
  const take = async (): Promise<void> => {
    await rate.turn(never);
    begun.push(clock.now());
  };
  await take();
  for (let i = 0; i < 2; i++) {
    const turn = take();
    await clock.advance(250);
    await turn;
  }
  await clock.advance(10_000);
  await take();
  const turn = take();
  await clock.advance(250);
  await turn;
  expect(begun).toEqual([1000, 1250, 1500, 11_500, 11_750]);
});

it("ends at once when its signal aborts, and that turn is not used up", async () => {
  const clock = testClock({ now: 0 });
  const rate = new PollRate(clock, 1);
  await rate.turn(never);
  const paused = new AbortController();
  const turn = rate.turn(paused.signal);
  paused.abort();
  await turn;
  const next = rate.turn(never);
  await clock.advance(1000);
  await next;
  expect(clock.now()).toBe(1000);
});
