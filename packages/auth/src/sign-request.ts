import { type Clock, systemClock } from "@bk/core";
import { canonicalText, hashOf, type SignatureVersion } from "./canonical.js";
import { bodyChecksum, encodeBase64, hmac, toBase64Url } from "./digest.js";
import { invalid } from "./errors.js";
import { checkPieces, type SignTarget, signTarget } from "./sign-target.js";
import {
  isPlainText,
  decodeUtf8,
  formatSignature,
  maxLoginLength,
  maxValueBytes,
  parseSignature,
  toHeaderText,
} from "./signature-value.js";

export interface SignOptions {
  /** The method; default `GET`. */
  readonly method?: string | undefined;
  /**
   * The URL to be requested. An absolute one (text or `URL`) is normalized as fetch does; one that starts with `/` is signed as it
   * stands, percent-encoded by the caller. A `?` inside the query is signed as `%3F`, and must be sent so: `signUrl` gives the text.
   */
  readonly url: string | URL;
  /** The Host header; default the URL's host, in a browser the page's. The port does not count. */
  readonly host?: string | undefined;
  /**
   * The Content-Type header; "" means that none is sent. Default by the body: text is `application/json`, `URLSearchParams` a form,
   * bytes are `application/octet-stream`.
   */
  readonly contentType?: string | undefined;
  /** The body, exactly as it is sent. */
  readonly body?: string | Uint8Array | ArrayBuffer | URLSearchParams | null | undefined;
  /** The account's login: at most 140 characters, without `|` and control characters. */
  readonly login: string;
  /** The account's secret; scrambled, if that is how the account was made. */
  readonly secret: string;
  /** Default 4. 2 and 3 sign sessions and access tokens, 1 is for old servers. */
  readonly version?: SignatureVersion | undefined;
  /** When the signature ends. Wins over `ttlMs`. */
  readonly expires?: Date | undefined;
  /** How long the signature holds, in milliseconds from now; default 30,000. */
  readonly ttlMs?: number | undefined;
  /** Text that is signed and sent along. Default: random, so that no two signatures are equal. */
  readonly tag?: string | undefined;
  /** Whether a body is covered by its checksum; default true. Servers refuse bodies that are not, forms excepted. */
  readonly checksum?: boolean | undefined;
  /** The account's second factor; part of the key of version 4. */
  readonly authSecret?: string | undefined;
  /** The account's token secret; part of the key of version 3. */
  readonly tokenSecret?: string | undefined;
  /** Name of the header and the query parameter; default `bk-signature`. */
  readonly signatureName?: string | undefined;
  /** Where time and the random tag come from; default the system's. */
  readonly clock?: Clock | undefined;
}

/**
 * Signs a request and gives the headers to send with it: `bk-signature`, and `content-type` where there is one, both ready for fetch.
 *
 * The signature covers method, host, path, query, content type, expiration and the body's checksum, and counts once for a request
 * that changes something.
 *
 * @throws AuthError `invalid`, with `detail.field`, when an option cannot be signed
 */
export async function signRequest(options: SignOptions): Promise<Record<string, string>> {
  const { value, contentType, signatureName } = await sign(options);
  const headers = { [signatureName]: toHeaderText(value) };
  return contentType === "" ? headers : { ...headers, "content-type": contentType };
}

/**
 * Signs a request and gives its URL with the signature as a query parameter: a link that works until it expires.
 *
 * Absolute when `url` is, else a path. With a body, send the content type that was signed.
 *
 * @throws AuthError `invalid`, with `detail.field`, when an option cannot be signed
 */
export async function signUrl(options: SignOptions): Promise<string> {
  const { value, target, signatureName } = await sign(options);
  const { origin, path, query, fragment } = target;
  return `${origin}${path}?${query === "" ? "" : `${query}&`}${signatureName}=${encodeURIComponent(value)}${fragment}`;
}

interface Signed {
  readonly value: string;
  readonly target: SignTarget;
  readonly contentType: string;
  readonly signatureName: string;
}

async function sign(options: SignOptions): Promise<Signed> {
  const { login, version = 4, clock = systemClock, signatureName = "bk-signature" } = options;
  const method = (options.method ?? "GET").toUpperCase();
  if (!/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(method)) throw invalid("method", "is not an HTTP method");
  if (!Object.hasOwn(hashOf, version)) throw invalid("version", "is not 1, 2, 3 or 4");
  const tag = options.tag ?? toBase64Url(encodeBase64(clock.randomBytes(12)));
  checkField("login", login);
  checkField("tag", tag);
  if (login === "") throw invalid("login", "is empty");

  const target = signTarget(options.url, options.host);
  checkPieces(target.query, signatureName, "url");
  const body = readBody(options.body);
  const contentType = options.contentType ?? body.contentType;
  if (/[^\u0020-\u007e]/.test(contentType)) throw invalid("contentType", "has control or non-ASCII characters");

  const expires = String(expiration(options, clock));
  const covers = version === 1 || version === 4;
  const checksum = covers && options.checksum !== false && body.bytes.length > 0 ? await bodyChecksum(body.bytes) : "";
  const query = isForm(method, contentType) ? formText(body.bytes, signatureName) : target.query;
  const parts = { version, tag, login, method, host: target.host, path: target.path, query, expires, contentType, checksum };
  const digest = await hmac(hashOf[version], signingKey(options, version), canonicalText(parts));
  const value = formatSignature({ version: String(version), tag, login, digest, expires, checksum });
  if (parseSignature(value) === undefined) throw invalid("tag", `makes the signature longer than ${maxValueBytes} bytes`);
  return { value, target, contentType, signatureName };
}

function checkField(field: "login" | "tag", text: string): void {
  if (typeof text !== "string") throw invalid(field, "is not text");
  if (text.length > maxLoginLength) throw invalid(field, `has more than ${maxLoginLength} characters`);
  if (text.includes("|") || !isPlainText(text)) throw invalid(field, 'has "|", a control character or a lone surrogate');
}

function signingKey({ secret, authSecret, tokenSecret }: SignOptions, version: SignatureVersion): string {
  if (typeof secret !== "string" || secret === "") throw invalid("secret", "is empty");
  if (version === 3) return `${secret}:${tokenSecret ?? ""}`;
  return version === 4 && authSecret ? `${secret}:${authSecret}` : secret;
}

function expiration({ expires, ttlMs = 30_000 }: SignOptions, clock: Clock): number {
  if (expires !== undefined) {
    const time = expires instanceof Date ? expires.getTime() : NaN;
    if (!(time > 0)) throw invalid("expires", "is not a Date; for a duration use ttlMs");
    return time;
  }
  if (!Number.isFinite(ttlMs) || ttlMs < 0) throw invalid("ttlMs", "is not a number of milliseconds from 0");
  return Math.round(clock.now() + ttlMs);
}

function readBody(body: SignOptions["body"]): { bytes: Uint8Array; contentType: string } {
  if (body === undefined || body === null) return { bytes: new Uint8Array(), contentType: "" };
  if (typeof body === "string") return { bytes: new TextEncoder().encode(body), contentType: "application/json" };
  if (body instanceof Uint8Array) return { bytes: body, contentType: "application/octet-stream" };
  if (body instanceof ArrayBuffer) return { bytes: new Uint8Array(body), contentType: "application/octet-stream" };
  if (!(body instanceof URLSearchParams))
    throw invalid("body", "is not text, bytes or URLSearchParams; read streams, forms and blobs into bytes first");
  return { bytes: new TextEncoder().encode(body.toString()), contentType: "application/x-www-form-urlencoded;charset=UTF-8" };
}

/** Whether the body takes the place of the query: so it is with posted forms alone. */
export function isForm(method: string, contentType: string): boolean {
  return method === "POST" && contentType.split(";", 1)[0]!.trim().toLowerCase() === "application/x-www-form-urlencoded";
}

function formText(bytes: Uint8Array, signatureName: string): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalid("body", "is a form, but not UTF-8");
  checkPieces(text, signatureName, "body");
  return text;
}
