// A request as the verifier sees it: the texts that were on the wire, taken apart once.
import { decodeUtf8, fromHeaderText } from "./signature-value.js";
import { isForm } from "./sign-request.js";
import type { RefusalReason } from "./refusal.js";

/** Headers of fetch, or of Node: names in any case, a list for one that was sent several times. */
export type IncomingHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface IncomingRequest {
  readonly method: string;
  /** The raw request target, `/path?query`, not decoded or normalized. An absolute URL loses its origin. */
  readonly url: string;
  /** `http` or `https`, which message signatures may cover. Default that of an absolute `url`, else `http`. */
  readonly scheme?: string | undefined;
  /** The Host header; default that of `headers`. */
  readonly host?: string | undefined;
  readonly headers: IncomingHeaders;
  /** The raw body; text stands for its UTF-8 bytes. */
  readonly body?: Uint8Array | string | HashedBody | null | undefined;
}

/** A body that is not held in memory, such as one that goes to a file while it arrives. It has at least one byte, and is no form. */
export interface HashedBody {
  /** The hash of all of its bytes, as base64 with padding: asked for when everything else about the request is right. */
  hash(algorithm: "SHA-1" | "SHA-256" | "SHA-512"): Promise<string>;
}

export interface Incoming {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  /** Path and query, raw. */
  readonly target: string;
  readonly path: string;
  /** Everything after the first `?`, raw. */
  readonly query: string;
  readonly contentType: string;
  readonly body: Uint8Array | HashedBody;
  /** A form that is posted: its body is signed in place of the query. */
  readonly form: boolean;
  readonly header: (name: string) => string | undefined;
  /** As they were given: `header` reads bytes as UTF-8 and joins lines. */
  readonly headers: IncomingHeaders;
}

export function readIncoming(request: IncomingRequest): Incoming | RefusalReason {
  const header = (name: string): string | undefined => headerValue(request.headers, name);
  const host = request.host ?? header("host") ?? "";
  const method = request.method ?? "";
  if (method === "" || host === "") return "noMethod";
  // Host headers that were sent twice arrive joined by a comma.
  if (!/^[^\s,/@?#\\]+$/.test(host)) return "badHost";
  const target = request.url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  const at = target.indexOf("?");
  const contentType = header("content-type") ?? "";
  // HTTP parsers let none of these through; a line feed here would be one in the text that is signed.
  if (/[\s\p{Cc}]/u.test(method + target) || /\p{Cc}/u.test(contentType)) return "badText";
  const body = typeof request.body === "string" ? new TextEncoder().encode(request.body) : (request.body ?? new Uint8Array());
  return {
    method,
    scheme: request.scheme ?? /^([a-z][a-z0-9+.-]*):\/\//i.exec(request.url)?.[1] ?? "http",
    host,
    target,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? "" : target.slice(at + 1),
    contentType,
    body,
    form: isForm(method, contentType),
    header,
    headers: request.headers,
  };
}

/** The text of a posted form; undefined when it is not UTF-8, where different bytes would read as one text. */
export function formText({ body }: Incoming): string | undefined {
  return body instanceof Uint8Array ? decodeUtf8(body) : undefined;
}

export function hasBytes({ body }: Incoming): boolean {
  return !(body instanceof Uint8Array) || body.length > 0;
}

function headerValue(headers: IncomingHeaders, name: string): string | undefined {
  if (typeof headers.get === "function") {
    const value = (headers as Headers).get(name);
    return value === null ? undefined : fromHeaderText(value);
  }
  const values = Object.entries(headers as Record<string, string | readonly string[] | undefined>)
    .filter(([key, value]) => value !== undefined && key.toLowerCase() === name)
    .flatMap(([, value]) => value as string | readonly string[]);
  return values.length === 0 ? undefined : fromHeaderText(values.join(", "));
}
