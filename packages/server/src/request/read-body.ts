// The raw bytes of a body: needed as they were sent, for the signature covers them.

import { tooLarge, wrongEncoding } from "../error-response.js";

const none = new Uint8Array();

/**
 * Reads the body of a request.
 *
 * @param maxBytes  reading stops as soon as there is more
 * @throws HttpError 413; 415 for one that is packed: the signature covers what was sent, and what it unpacks to has no limit
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const refuse = (): never => {
    throw tooLarge(`the body is larger than ${maxBytes} bytes`);
  };
  if (!hasBody(request)) return none;
  if (Number(request.headers.get("content-length")) > maxBytes) refuse();
  refusePacked(request);
  const { body } = request;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) refuse();
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

/** @throws HttpError 415 */
export function refusePacked({ headers }: Request): void {
  const encoding = headers.get("content-encoding") ?? "";
  if (!/^(identity)?$/i.test(encoding)) throw wrongEncoding(encoding);
}
