// What is kept of a message beside its payload, as the text of its body.
//
// A body is the payload's JSON; where there is more to say, that comes before it: `~`, a JSON object, a line feed. No JSON text
// begins with `~`, so plain JSON that others submit is taken as it is.

/** What consumers need to know of a message. Members that are absent take the consumer's defaults. */
export interface Header {
  /** Most attempts; 0: no limit. */
  readonly maxAttempts?: number;
  /** It is dropped when it has not been begun by then, in milliseconds since 1970. */
  readonly endTime?: number;
  /** It is removed before it is run. */
  readonly atMostOnce?: true;
}

export interface Letter {
  readonly header: Header;
  readonly data: unknown;
}

/** That of most messages. */
export const plainHeader: Header = Object.freeze({});

/** @param json  the payload's text */
export function bodyOf(json: string, header: Header): string {
  return header === plainHeader ? json : `~${JSON.stringify(header)}\n${json}`;
}

/** The letter in a body; undefined when it is none, which only others can have submitted. */
export function letterOf(body: string): Letter | undefined {
  try {
    if (!body.startsWith("~")) return { header: plainHeader, data: JSON.parse(body) as unknown };
    const end = body.indexOf("\n");
    const header: unknown = JSON.parse(body.slice(1, end));
    return typeof header === "object" && header !== null ? { header, data: JSON.parse(body.slice(end + 1)) as unknown } : undefined;
  } catch {
    // Not ours, and not JSON: the caller puts it aside.
    return undefined;
  }
}
