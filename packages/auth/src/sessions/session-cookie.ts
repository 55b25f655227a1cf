// The cookie of a session. Browsers take a name with `__Host-` only over TLS, for the host alone: no sibling host can set it. One for a whole
// domain cannot have that; `__Secure-` says at least that it came over TLS.

/** Whether cookies are for TLS alone: always, never, or everywhere but on this machine (`localhost`, 127.0.0.1, [::1]). */
export type SecureCookies = boolean | "except-localhost";

export interface SessionCookie {
  /** What the client holds of a session, out of a Cookie header. */
  read(cookies: string | undefined, host: string): string | undefined;
  /** The Set-Cookie header that hands a session to the client. */
  set(host: string, id: string, maxAgeMs: number): string;
  /** The Set-Cookie header that takes it back. */
  clear(host: string): string;
}

const local = /^(?:localhost|[a-z0-9-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** Whether cookies may be for all hosts of a domain: two names or more in lower case, such as `example.com`, and no address. */
export function isCookieDomain(text: string): boolean {
  return text.length <= 253 && /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/**
 * @param name  without prefix, such as `bk-sid`
 * @param domain  whose hosts all get the cookie, such as `example.com`; on other hosts it is for the host alone
 */
export function sessionCookie(name: string, secure: SecureCookies, domain?: string): SessionCookie {
  const isOfDomain = (host: string): boolean =>
    domain !== undefined && `.${host.replace(/:\d+$/, "").toLowerCase()}`.endsWith(`.${domain}`);
  const isSecure = (host: string): boolean => (secure === "except-localhost" ? !local.test(host) : secure);
  // Where the prefix belongs, a cookie without it is not looked at: a sibling host, or anybody on plain HTTP, could have set it.
  const nameOn = (host: string): string => (isSecure(host) ? `${isOfDomain(host) ? "__Secure" : "__Host"}-${name}` : name);
  const attributes = (host: string): string =>
    `Path=/; HttpOnly; SameSite=Lax${isSecure(host) ? "; Secure" : ""}${isOfDomain(host) ? `; Domain=${domain}` : ""}`;
  return {
    read: (cookies, host) => cookieNamed(cookies, nameOn(host)),
    set: (host, id, maxAgeMs) => `${nameOn(host)}=${id}; Max-Age=${Math.max(0, Math.floor(maxAgeMs / 1000))}; ${attributes(host)}`,
    clear: (host) => `${nameOn(host)}=; Max-Age=0; ${attributes(host)}`,
  };
}

/** The value of the first cookie with this name. */
export function cookieNamed(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at >= 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}
