// The raw bytes of a body: needed as they were sent, for the signature covers them.

import { BkError } from "@bk/core";

import { badRequest, tooLarge, wrongEncoding } from "../error-response.js";

const none = new Uint8Array();

/**
 * Reads the body of a request.
 *
 * @param maxBytes  reading stops as soon as there is more
 * @throws HttpError 413; 400 for one that is not whole; 415 for one that is packed: the signature covers what was sent, and what it unpacks to has no limit
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (!hasBody(request)) return none;
  refuseUnread(request, maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of arriving(request.body, maxBytes)) {
    size += chunk.length;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

/** Whether a request has a body that is read; one of unknown length may turn out to be empty. */
export function hasBody(request: Request): request is Request & { readonly body: ReadableStream<Uint8Array> } {
  const { method } = request;
  // The body last: asking for it makes a whole Request of what Node received.
  return method !== "GET" && method !== "HEAD" && request.headers.get("content-length") !== "0" && request.body !== null;
}

/** @throws HttpError 413 for a body that says that it is larger; 415 for one that is packed */
export function refuseUnread({ headers }: Request, maxBytes: number): void {
  if (Number(headers.get("content-length")) > maxBytes) throw largerThan(maxBytes);
  const encoding = headers.get("content-encoding") ?? "";
  if (!/^(identity)?$/i.test(encoding)) throw wrongEncoding(encoding);
}

/**
 * The pieces of a body.
 *
 * @throws HttpError 413 as soon as there is more than is taken; 400 for a body that ends too early or is badly framed: Node tells of it by an
 *   error of its own
 */
export async function* arriving(body: ReadableStream<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) throw largerThan(maxBytes);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof BkError) throw error;
    throw badRequest("the body is not whole or badly framed");
  }
}

function largerThan(maxBytes: number): Error {
  return tooLarge(`the body is larger than ${maxBytes} bytes`);
}
