import { expect, it } from "vitest";

import { eventStream, type StreamedEvent } from "./stream.js";

it("a stream that goes on sends what was kept before it was told once", async () => {
  const event = (id: string): StreamedEvent => ({ id, data: { id } });
  let take: (event: StreamedEvent) => void;
  let end: () => void;
  const response = await eventStream({
    listen(given, over) {
      [take, end] = [given, over];
      return Promise.resolve(() => undefined);
    },
    missed() {
      // Told while what was missed is read …
      for (const id of ["b", "d"]) take(event(id));
      return Promise.resolve(["a", "b", "c"].map(event));
    },
    call: { signal: new AbortController().signal, whenRefused: () => () => undefined },
  });
  // … and after the stream has begun.
  for (const id of ["c", "e"]) take!(event(id));
  end!();
  const ids = [...(await response.text()).matchAll(/^id: (\S+)$/gm)].map(([, id]) => id);
  expect(ids).toEqual(["a", "b", "c", "d", "e"]);
});
