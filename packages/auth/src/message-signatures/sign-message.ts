import { type Clock, systemClock } from "@bk/core";
import { toBase64Url } from "../digest.js";
import { invalid } from "../errors.js";
import type { FieldType } from "./components.js";
import { contentDigest, type DigestAlgorithm } from "./content-digest.js";
import { fieldLines, type HttpMessage } from "./message.js";
import { type SigningKey, signText } from "./message-key.js";
import { readComponent, signatureBase } from "./signature-base.js";
import { base64Of, type BareItem, type InnerList, type Item, parseDictionary, serializeMember } from "./structured-fields.js";

export interface SignMessageOptions {
  readonly key: SigningKey;
  /** Names the key for whoever verifies. */
  readonly keyid: string;
  /**
   * What is covered, in order: `@method`, a header field in lower case, or an identifier with parameters such as
   * `"@query-param";name="Pet"`.
   */
  readonly components: readonly string[];
  /** The name of the signature in the message; default `sig`. */
  readonly label?: string | undefined;
  /** When it was made; default now. `false` leaves it out. In whole seconds. */
  readonly created?: Date | false | undefined;
  /** When it ends; default none. In whole seconds, rounded down. */
  readonly expires?: Date | undefined;
  /** Text that makes the signature unlike any other; default none. */
  readonly nonce?: string | undefined;
  /** Says what the signature is for; default none. */
  readonly tag?: string | undefined;
  /** Whether the algorithm is named in the message; default false, since the key says it. */
  readonly nameAlgorithm?: boolean | undefined;
  /** Which fields `sf` may write anew, beside those of the RFCs. */
  readonly fieldTypes?: Readonly<Record<string, FieldType>> | undefined;
  readonly clock?: Clock | undefined;
}

/** The header fields of one signature. */
export interface SignatureFields {
  readonly "signature-input": string;
  readonly signature: string;
}

/**
 * Signs a request or a response (RFC 9421) and gives the two header fields to send with it. Where the message is signed already, they
 * are to be added to those that it has.
 *
 * @throws AuthError `invalid`, with `detail.field`, for a key or component that cannot be used, or one that is not in the message
 */
export async function signMessage(message: HttpMessage, options: SignMessageOptions): Promise<SignatureFields> {
  const { key, label = "sig", fieldTypes } = options;
  if (!/^[a-z*][a-z0-9_.*-]*$/.test(label)) throw invalid("label", "is not a key of small letters, digits, _, -, . and *");
  const input: InnerList = { items: options.components.map(componentOf), parameters: parametersOf(options) };
  const base = signatureBase(message, input, fieldTypes);
  if ("problem" in base) throw invalid("components", `cannot be signed: ${base.problem}`);
  const signature = base64Of(await signText(key, base.text));
  return { "signature-input": `${label}=${serializeMember(input)}`, signature: `${label}=:${signature}:` };
}

function componentOf(text: string): Item {
  const item = readComponent(text);
  if (item === undefined) throw invalid("components", "holds one that is neither a name nor an identifier with parameters");
  return item;
}

function parametersOf(options: SignMessageOptions): ReadonlyMap<string, BareItem> {
  const { created, expires, clock = systemClock } = options;
  const parameters = new Map<string, BareItem>();
  if (created !== false) parameters.set("created", seconds("created", created?.getTime() ?? clock.now()));
  if (expires !== undefined) parameters.set("expires", seconds("expires", expires.getTime()));
  const texts = {
    keyid: options.keyid,
    nonce: options.nonce,
    alg: options.nameAlgorithm ? options.key.algorithm : undefined,
    tag: options.tag,
  };
  for (const [name, value] of Object.entries(texts)) {
    if (value === undefined) continue;
    if (typeof value !== "string" || !/^[\x20-\x7e]*$/.test(value)) throw invalid(name, "is not text of ASCII characters");
    parameters.set(name, { type: "string", value });
  }
  return parameters;
}

function seconds(field: string, ms: number): BareItem {
  if (!(ms > 0)) throw invalid(field, "is not a date");
  return { type: "integer", value: Math.floor(ms / 1000) };
}

export interface SignFetchOptions extends Omit<SignMessageOptions, "components" | "created" | "expires"> {
  /** How long the signature holds, in milliseconds from now; default 30,000, and at least a second. */
  readonly ttlMs?: number | undefined;
  /** Header fields that are covered too, in lower case; default none. */
  readonly fields?: readonly string[] | undefined;
  /** The hash of the body; default `sha-256`. */
  readonly digest?: DigestAlgorithm | undefined;
}

/**
 * Signs a request of fetch and gives the one to send: with `signature-input`, `signature` and, where there is a body, `content-digest`.
 *
 * The signature covers `@method`, `@authority`, `@path`, `@query`, with a body `content-digest` and `content-type`, and the fields that
 * are asked for. It has a random nonce, so a server takes it once. Signatures that the request has stay. The body is read into memory.
 *
 * @throws AuthError `invalid`, with `detail.field`, for an option that cannot be used
 */
export async function signFetch(request: Request, options: SignFetchOptions): Promise<Request> {
  const { ttlMs = 30_000, fields = [], digest, clock = systemClock, label = "sig" } = options;
  if (!Number.isFinite(ttlMs) || ttlMs < 1000) throw invalid("ttlMs", "is not a number of milliseconds from 1000");
  if (request.bodyUsed) throw invalid("request", "has a body that was read before");
  const headers = new Headers(request.headers);
  const before = fieldLines(headers, "signature-input")?.join(", ");
  if (before !== undefined && parseDictionary(before)?.has(label) !== false)
    throw invalid("label", "names a signature that is there already");
  const components = ["@method", "@authority", "@path", "@query", ...fields];
  const body = request.body === null ? undefined : new Uint8Array(await request.clone().arrayBuffer());
  if (body !== undefined) {
    headers.set("content-digest", await contentDigest(body, digest));
    for (const name of ["content-digest", "content-type"]) if (headers.has(name) && !components.includes(name)) components.push(name);
  }
  const now = clock.now();
  const signed = await signMessage(
    { method: request.method, url: withoutFragment(request.url), headers },
    {
      ...options,
      nonce: options.nonce ?? toBase64Url(base64Of(clock.randomBytes(18))),
      created: new Date(now),
      expires: new Date(Math.ceil((now + ttlMs) / 1000) * 1000),
      components,
    },
  );
  for (const [name, value] of Object.entries(signed)) headers.append(name, value);
  return new Request(request, { headers, ...(body === undefined ? {} : { body }) });
}

function withoutFragment(url: string): string {
  return url.split("#", 1)[0]!;
}
