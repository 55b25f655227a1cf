import { expect, it } from "vitest";

import { type EventSink, EventStream, type EventTaker, type StreamedEvent } from "./event-stream.js";

const event = (id: string): StreamedEvent => ({ id, data: { id } });

const whenRefused = () => () => undefined;

/** A sink that notes what it is told. */
function noted(): EventSink & { readonly told: string[] } {
  const told: string[] = [];
  return { told, event: ({ id }) => told.push(id), beat: () => told.push("beat"), end: () => told.push("end") };
}

it("a stream that goes on sends what was kept before it was told once", async () => {
  let taker: EventTaker;
  let left = 0;
  const stream = await EventStream.of({
    whenRefused,
    listen(given) {
      taker = given;
      return Promise.resolve(() => void left++);
    },
    missed() {
      // Told while what was missed is read …
      for (const id of ["b", "d"]) taker.take(event(id));
      return Promise.resolve(["a", "b", "c"].map(event));
    },
  });
  const sink = noted();
  stream.begin(sink);
  // … and after the stream has begun.
  for (const id of ["c", "e"]) taker!.take(event(id));
  taker!.end();
  taker!.take(event("f"));
  expect(sink.told).toEqual(["beat", "a", "b", "c", "d", "e", "end"]);
  expect(left).toBe(1);
});

it("a stream that has ended before it begins sends what came, and its end", async () => {
  let left = 0;
  const stream = await EventStream.of({
    whenRefused,
    listen(taker) {
      taker.take(event("a"));
      taker.end();
      return Promise.resolve(() => void left++);
    },
    missed: () => Promise.resolve([]),
  });
  const sink = noted();
  stream.begin(sink);
  expect(sink.told).toEqual(["beat", "a", "end"]);
  expect(left).toBe(1);
});

it("a source whose past cannot be read is left", async () => {
  let left = 0;
  const opened = EventStream.of({
    whenRefused,
    listen: () => Promise.resolve(() => void left++),
    missed: () => Promise.reject(new Error("away")),
  });
  await expect(opened).rejects.toThrow("away");
  expect(left).toBe(1);
});

it("a stream ends when its caller may not listen any more, and asks no more once it is left", async () => {
  let refuse: () => void;
  let stopped = 0;
  const opened = (): Promise<EventStream> =>
    EventStream.of({
      listen: () => Promise.resolve(() => undefined),
      missed: () => Promise.resolve([]),
      whenRefused(then) {
        refuse = then;
        return () => void stopped++;
      },
    });
  const sink = noted();
  (await opened()).begin(sink);
  refuse!();
  expect([sink.told, stopped]).toEqual([["beat", "end"], 1]);
  (await opened()).cancel();
  expect(stopped).toBe(2);
});
