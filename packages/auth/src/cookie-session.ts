// Verifies session cookies of the original server: `bk-signature` holds base64 JSON with a version 2 signature, `bk-signature.sig` a
// keygrip signature over name and value. Such sessions are verified, and not made any more.
import { equalTexts } from "./constant-time.js";
import { hmac, toBase64Url } from "./digest.js";
import { cookieNamed } from "./sessions/session-cookie.js";
import { decodeUtf8 } from "./signature-value.js";

export interface LegacySessionOptions {
  /** The secrets that sign cookies; any of them verifies. At least one. */
  readonly keys: readonly string[];
  /**
   * The hosts on which a cookie counts, without port. A name that starts with a dot, such as `.example.com`, stands for that domain and all
   * below it. A session is bound to a domain, so without this list each host of the domain could use the cookies of the others.
   */
  readonly hosts: readonly string[];
}

/** The signature value in the session cookie; undefined when there is none that one of the keys has signed. */
export async function openSession(cookies: string | undefined, name: string, keys: readonly string[]): Promise<string | undefined> {
  const value = cookieNamed(cookies, name);
  const signature = cookieNamed(cookies, `${name}.sig`);
  if (value === undefined || signature === undefined || !(await isSigned(`${name}=${value}`, signature, keys))) return undefined;
  const content = parseJson(value);
  const text = typeof content === "object" && content !== null ? (content as Record<string, unknown>)[name] : undefined;
  return typeof text === "string" ? text : undefined;
}

/** Whether `host`, without port and in lower case, is among `hosts`. */
export function isSessionHost(host: string, hosts: readonly string[]): boolean {
  return hosts.some((entry) => {
    const name = entry.toLowerCase();
    return name.startsWith(".") ? host === name.slice(1) || host.endsWith(name) : host === name;
  });
}

async function isSigned(text: string, signature: string, keys: readonly string[]): Promise<boolean> {
  const matches = await Promise.all(keys.map(async (key) => equalTexts(toBase64Url(await hmac("SHA-1", key, text)), signature)));
  return matches.includes(true);
}

function parseJson(base64: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return JSON.parse(decodeUtf8(bytes) ?? "null");
  } catch {
    // A cookie that does not parse counts as none, whoever signed it.
    return undefined;
  }
}
