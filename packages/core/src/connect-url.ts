import { BkError } from "./errors.js";

export interface Host {
  /** A name or an address; IPv6 without its brackets. */
  readonly host: string;
  readonly port?: number;
}

/** What a connection URL says, percent-decoded. */
export interface ConnectUrl {
  /** The part before the first colon, lower case, such as `postgres`. */
  readonly scheme: string;
  readonly user?: string;
  readonly password?: string;
  /** In the order given; empty where the URL names none, as in `sqlite:app.db`. */
  readonly hosts: readonly Host[];
  /** A database name, or a file's path. Without the slash that ends the hosts, with it where nothing stands before it (`sqlite:///var/app.db`); absent when empty. */
  readonly path?: string;
  /** The query parameters. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Takes a connection URL apart:
 * - `sqlite:app.db`, `sqlite:/var/app.db`, `sqlite::memory:`, `memory:` — everything after the scheme is the path;
 * - `postgres://user:password@host:5432/database?max=5`;
 * - `redis-cluster://h1:7000,h2:7001` — several hosts;
 * - `dynamodb://localhost:8000?region=eu-west-1`.
 *
 * Text in it is percent-decoded, so an `@`, `/`, `?` or `#` in a password is written `%40`, `%2F`, `%3F`, `%23`.
 *
 * @throws BkError `invalid` that says what is wrong and never repeats the URL, which may hold a password
 */
export function parseConnectUrl(url: string): ConnectUrl {
  if (typeof url !== "string") throw invalid("is not a string");
  const match = /^([a-z][a-z0-9+.-]*):([^]*)$/i.exec(url);
  if (!match) throw invalid('has no scheme; it should start like "sqlite:" or "postgres://"');
  const scheme = match[1]!.toLowerCase();
  const { before, after: query } = cut(match[2]!, "?");
  if (before.includes("#") || query?.includes("#")) throw invalid('contains "#"; write it as %23', scheme);
  const options = parseOptions(query ?? "", scheme);
  if (!before.startsWith("//")) return { scheme, hosts: [], ...pathOf(decode(before, "path", scheme)), options };

  const { before: authority, after: path } = cut(before.slice(2), "/");
  const at = authority.lastIndexOf("@");
  return {
    scheme,
    ...(at < 0 ? {} : parseUser(authority.slice(0, at), scheme)),
    hosts: parseHosts(authority.slice(at + 1), scheme),
    ...pathOf(decode(authority === "" && path ? `/${path}` : (path ?? ""), "path", scheme)),
    options,
  };
}

function parseUser(text: string, scheme: string): { user?: string; password?: string } {
  if (text.includes("@")) throw invalid('has "@" in the user or password; write it as %40', scheme);
  const { before, after } = cut(text, ":");
  const user = decode(before, "user", scheme);
  const password = after === undefined ? undefined : decode(after, "password", scheme);
  return { ...(user === "" ? {} : { user }), ...(password === undefined ? {} : { password }) };
}

function parseHosts(text: string, scheme: string): Host[] {
  if (text === "") return [];
  return text.split(",").map((part, index) => {
    const match = /^(\[[0-9a-f:.%]+\]|[^:[\]\s]+)(?::(\d+))?$/i.exec(part);
    if (!match) throw invalid(`has a host (number ${index + 1}) that is not "name" or "name:port"`, scheme);
    const host = decode(match[1]!.replace(/^\[|\]$/g, ""), "host", scheme);
    if (match[2] === undefined) return { host };
    const port = Number(match[2]);
    if (port < 1 || port > 65_535) throw invalid(`has a port (host number ${index + 1}) outside 1 to 65535`, scheme);
    return { host, port };
  });
}

function parseOptions(query: string, scheme: string): Record<string, string> {
  // Without a prototype, so that an option named __proto__ is an option like any other.
  const options = Object.create(null) as Record<string, string>;
  for (const part of query.split("&")) {
    if (part === "") continue;
    const { before, after } = cut(part, "=");
    const name = decode(before, "option name", scheme);
    if (name === "") throw invalid("has an option without a name", scheme);
    if (name in options) throw invalid(`has the option "${name}" twice`, scheme);
    options[name] = decode(after ?? "", `option "${name}"`, scheme);
  }
  return options;
}

function pathOf(path: string): { path?: string } {
  return path === "" ? {} : { path };
}

function cut(text: string, mark: string): { before: string; after: string | undefined } {
  const at = text.indexOf(mark);
  return at < 0 ? { before: text, after: undefined } : { before: text.slice(0, at), after: text.slice(at + 1) };
}

function decode(text: string, what: string, scheme: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    // The native error is of no use to the reader, and its text may come to hold the input.
    throw invalid(`has a malformed percent escape in its ${what}; write "%" as %25`, scheme);
  }
  if (decoded.includes("\0")) throw invalid(`has a NUL character in its ${what}`, scheme);
  return decoded;
}

function invalid(what: string, scheme?: string): BkError {
  const subject = scheme === undefined ? "connection URL" : `connection URL (${scheme})`;
  return new BkError("invalid", `${subject} ${what}`, { detail: { field: "url", ...(scheme === undefined ? {} : { scheme }) } });
}
