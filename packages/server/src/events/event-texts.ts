// Events as they are sent. One that goes to many is written once: all of them get it in a row.

import type { StreamedEvent } from "@bk/modules";

/** An event of `text/event-stream`. */
export const replyText = remembering(({ id, data }) => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`);

/** A message of a socket: the data with the id as `event_id`, as a long poll has it. */
export const socketText = remembering(({ id, data }) => JSON.stringify({ ...data, event_id: id }));

function remembering(textOf: (event: StreamedEvent) => string): (event: StreamedEvent) => string {
  let last: StreamedEvent | undefined;
  let text = "";
  return (event) => {
    if (event !== last) text = textOf((last = event));
    return text;
  };
}
