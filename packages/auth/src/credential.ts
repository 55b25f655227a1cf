// Finds the credential that a request carries, before anything about it is believed.
import { queryPieces } from "./canonical.js";
import { type LegacySessionOptions, openSession } from "./cookie-session.js";
import type { Incoming } from "./incoming.js";
import { isReservedName } from "./sign-target.js";
import type { RefusalReason } from "./refusal.js";
import type { CredentialOpener, SessionOpener } from "./sessions/opened-credential.js";
import { parseSignature, type SignatureValue } from "./signature-value.js";

/**
 * Where a credential came from: a header, the query (a pre-signed URL), an access token, a session cookie, or a message signature
 * (RFC 9421).
 */
export type CredentialSource = "header" | "url" | "token" | "session" | "message";

/** Opens access tokens of one kind. */
export interface TokenOpener {
  /** The signature value inside the token, or undefined when it is not one of this kind or was not made with this key. */
  open(token: string): Promise<string | undefined> | string | undefined;
}

export interface CredentialOptions {
  /** Name of the signature's header, parameter and cookie, in lower case; default `bk-signature`. */
  readonly signatureName?: string | undefined;
  /** Name of the access token's header and parameter, in lower case; default `bk-access-token`. */
  readonly tokenName?: string | undefined;
  /** Sessions that the server keeps: `createSessions({ store })`. Without it their cookies are not looked at. */
  readonly sessions?: SessionOpener | undefined;
  /** Access tokens that the server keeps: `createTokens({ store })`. Without it they are not looked at. */
  readonly tokens?: CredentialOpener | undefined;
  /** Session cookies of the original server; without it they are not looked at. */
  readonly legacySessions?: LegacySessionOptions | undefined;
  /** Access tokens of the original server, by kind; without it they are not looked at. */
  readonly legacyTokens?: readonly TokenOpener[] | undefined;
}

export interface Credential {
  readonly source: CredentialSource;
  readonly value: SignatureValue;
}

/** What a client holds of a session or token that the server keeps. */
export interface StoredCredential {
  readonly source: "session" | "token";
  readonly secret: string;
}

type Found = Credential | StoredCredential | RefusalReason;

/**
 * Takes the first credential there is: signature in the query, in a header, access token in the query, in a header, session cookie.
 *
 * One that is there but cannot be read is `noLogin`; the next is not tried.
 */
export function findCredential(incoming: Incoming, options: CredentialOptions): Found | Promise<Found> {
  const { signatureName = "bk-signature" } = options;
  const inQuery = queryValues(incoming.query, signatureName);
  if (inQuery.length > 1) return "reservedName";
  if (inQuery[0] !== undefined) return credential("url", inQuery[0]);
  const inHeader = incoming.header(signatureName);
  if (inHeader !== undefined) return credential("header", inHeader);

  const token = findToken(incoming, options);
  if (token !== undefined) return tokenCredential(token, options);
  const { sessions, legacySessions } = options;
  const cookies = incoming.header("cookie");
  const session = cookies === undefined ? undefined : sessions?.cookie.read(cookies, incoming.host);
  if (session !== undefined) return { source: "session", secret: session };
  if (legacySessions === undefined) return "noLogin";
  return legacySession(cookies, signatureName, legacySessions);
}

async function tokenCredential(token: string, { tokens, legacyTokens = [] }: CredentialOptions): Promise<Found> {
  const legacy = await openToken(token, legacyTokens);
  return legacy === undefined && tokens !== undefined ? { source: "token", secret: token } : credential("token", legacy);
}

async function legacySession(cookies: string | undefined, signatureName: string, { keys }: LegacySessionOptions): Promise<Found> {
  return credential("session", await openSession(cookies, signatureName, keys));
}

/** The access token of a request, whatever its kind: out of the query, its header, or `Authorization: Bearer`. */
export function findToken(incoming: Incoming, { tokenName = "bk-access-token" }: CredentialOptions): string | undefined {
  return queryValues(incoming.query, tokenName)[0] ?? incoming.header(tokenName) ?? bearer(incoming.header("authorization"));
}

/** Whether a request has a signature in its query or header, be it right or wrong. */
export function hasSignature(incoming: Incoming, { signatureName = "bk-signature" }: CredentialOptions): boolean {
  return incoming.header(signatureName) !== undefined || queryValues(incoming.query, signatureName).length > 0;
}

/** The raw query without the credentials in it: what handlers may see of it. */
export function queryWithoutCredentials(query: string, options: CredentialOptions): string {
  const { signatureName = "bk-signature", tokenName = "bk-access-token" } = options;
  if (!query.includes(signatureName) && !query.includes(tokenName)) return query;
  const isCredential = (piece: string): boolean => nameOf(piece) === signatureName || nameOf(piece) === tokenName;
  const pieces = query.split("&");
  return pieces.some(isCredential) ? pieces.filter((piece) => piece !== "" && !isCredential(piece)).join("&") : query;
}

/** What of a query is signed, once the signature itself is taken out; or why the query cannot be. */
export function signedQuery(query: string, signatureName = "bk-signature"): { readonly text: string } | RefusalReason {
  if (query.includes("?")) return "secondQuery";
  const pieces = queryPieces(query).filter((piece) => nameOf(piece) !== signatureName);
  return pieces.some((piece) => isReservedName(piece, signatureName)) ? "reservedName" : { text: pieces.join("&") };
}

function credential(source: CredentialSource, text: string | undefined): Credential | RefusalReason {
  const value = text === undefined ? undefined : parseSignature(text);
  return value === undefined ? "noLogin" : { source, value };
}

async function openToken(token: string, tokens: readonly TokenOpener[]): Promise<string | undefined> {
  for (const kind of tokens) {
    const text = await kind.open(token);
    if (text !== undefined) return text;
  }
  return undefined;
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

function queryValues(query: string, name: string): readonly string[] {
  if (!query.includes(name)) return none;
  // The text behind a second question mark belongs to no parameter here; requests that have one are refused later.
  const pieces = query.split("?", 1)[0]!.split("&");
  return pieces.filter((piece) => nameOf(piece) === name).map((piece) => decodeValue(piece.slice(name.length + 1)));
}

const none: readonly string[] = [];

function nameOf(piece: string): string {
  const at = piece.indexOf("=");
  return at < 0 ? piece : piece.slice(0, at);
}

function decodeValue(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Malformed escapes leave a text that is no signature.
    return "";
  }
}
