// Where a signed request goes: the texts that its request line and Host header will have.
import { queryPieces } from "./canonical.js";
import { invalid } from "./errors.js";

export interface SignTarget {
  /** `https://host`, or empty for a URL that was given without it. */
  readonly origin: string;
  readonly host: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** With its `#`; never sent. */
  readonly fragment: string;
}

/**
 * Reads the URL of a request that is about to be signed.
 *
 * An absolute one is normalized as fetch does it; one that starts with `/` is taken as it stands. A `?` inside the query becomes
 * `%3F`: the canonical text of the older versions ends at a second one, so verifiers refuse it.
 */
export function signTarget(url: string | URL, host: string | undefined): SignTarget {
  const split = typeof url === "string" && url.startsWith("/") ? splitPath(url) : splitAbsolute(url);
  const named = host ?? (split.host || pageHost());
  if (named === undefined) throw invalid("host", "is missing: give it, or an absolute url");
  if (!/^[^\s,/@?#\\]+$/.test(named)) throw invalid("host", 'is not a name or "name:port"');
  return { ...split, host: named, query: split.query.replaceAll("?", "%3F") };
}

/** Refuses query and form pieces that a verifier would refuse, or that others read in another way. */
export function checkPieces(query: string, signatureName: string, field: "url" | "body"): void {
  for (const piece of queryPieces(query)) {
    if (piece.startsWith("=")) throw invalid(field, "has a parameter without a name");
    if (isReservedName(piece, signatureName)) throw invalid(field, `has a parameter whose name starts with ${signatureName}`);
  }
}

/** Whether the name of a raw `name=value` piece begins with that of the signature, as it stands or decoded. */
export function isReservedName(piece: string, signatureName: string): boolean {
  if (piece.startsWith(signatureName)) return true;
  const end = piece.indexOf("=");
  const name = end < 0 ? piece : piece.slice(0, end);
  return name.includes("%") && decodeLeniently(name).startsWith(signatureName);
}

function splitPath(url: string): SignTarget {
  if (/[^\u0021-\u007e]/.test(url)) throw invalid("url", "has spaces, control or non-ASCII characters; percent-encode them");
  const [target, fragment] = cut(url, "#");
  const [path, query] = cut(target, "?");
  return { origin: "", host: "", path, query, fragment: fragment === "" ? "" : `#${fragment}` };
}

function splitAbsolute(url: string | URL): SignTarget {
  const parsed = parseUrl(url);
  if (!/^(https?|wss?):$/.test(parsed.protocol)) throw invalid("url", "is neither http(s), ws(s) nor a path that starts with /");
  if (parsed.username !== "" || parsed.password !== "") throw invalid("url", "holds a user or password");
  const { origin, host, pathname, search, hash } = parsed;
  return {
    origin: origin === "null" ? `${parsed.protocol}//${host}` : origin,
    host,
    path: pathname,
    query: search.slice(1),
    fragment: hash,
  };
}

function parseUrl(url: string | URL): URL {
  if (typeof url !== "string") return url;
  try {
    return new URL(url);
  } catch {
    // The native error repeats the URL, which may hold what should not be logged.
    throw invalid("url", "is neither an absolute URL nor a path that starts with /");
  }
}

/** In a page or its workers, a URL without a host is one of the page's. */
function pageHost(): string | undefined {
  return (globalThis as { location?: { host?: string } }).location?.host || undefined;
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Malformed names are judged as they stand.
    return text;
  }
}
