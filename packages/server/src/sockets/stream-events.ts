// Reads the events of a stream that an endpoint replies: what is sent to a WebSocket is the same.

/** Gives each event of `text/event-stream` as the text of an object: its data with its id as `event_id`, as a long poll has it. */
export async function* streamEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const event = eventOf(part);
      if (event !== undefined) yield event;
    }
  }
}

/** Undefined for what only keeps a stream alive. */
function eventOf(part: string): string | undefined {
  const lines = new Map<string, string>();
  for (const line of part.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) lines.set(line.slice(0, at), line.slice(at + 2));
  }
  const data = lines.get("data");
  return data === undefined ? undefined : JSON.stringify({ ...(JSON.parse(data) as object), event_id: lines.get("id") });
}
