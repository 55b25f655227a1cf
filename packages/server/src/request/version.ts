// The version and the language that a request asks for, and the app that sends it: `bk-version`, `bk-lang` and `bk-app`, in the query or as headers.

import type { App } from "@bk/modules";

import { badRequest } from "../error-response.js";

export const versionName = "bk-version";
export const appName = "bk-app";
const languageName = "bk-lang";
const ownNames = [versionName, appName, languageName];

export interface Version {
  /** As it was written. */
  readonly text: string;
  readonly numbers: readonly number[];
}

const versionForm = /^v?\d{1,9}(?:[._-]\d{1,9}){0,5}$/;

/** Reads a version such as `1.2.5` or `2015-01-01`; undefined for a text that is none. */
export function parseVersion(text: string): Version | undefined {
  if (!versionForm.test(text)) return undefined;
  return { text, numbers: text.replace("v", "").split(/[._-]/).map(Number) };
}

/** Which of two versions is newer, number by number: below 0 when `b` is. Numbers that are left out are 0. */
export function compareVersions({ numbers: a }: Version, { numbers: b }: Version): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The version that a request asks for; undefined when it asks for none.
 *
 * @throws HttpError 400 for one that is malformed
 */
export function askedVersion(target: string, headers: Headers): Version | undefined {
  const text = valueOf(target, headers, versionName);
  if (text === undefined || text === "") return undefined;
  const version = parseVersion(text);
  if (version === undefined) throw badRequest(`${versionName} must be a version such as 1.2.5 or 2015-01-01`, versionName);
  return version;
}

/** The app that sends a request, as `bk-app` says or the user agent; undefined where neither has the form `name/version[/platform]`. */
export function askingApp(target: string, headers: Headers): App | undefined {
  const agent = headers.get("user-agent") ?? "";
  const [, name, version, platform] =
    /^([^/]{1,100})\/(\d[\w.-]{0,49})(?:\/(\w{1,50}))?/.exec(valueOf(target, headers, appName) ?? agent) ?? [];
  if (name === undefined || version === undefined) return undefined;
  return { name, version, platform: platform ?? platforms.find(([, mark]) => mark.test(agent))?.[0] };
}

/** The languages that a request asks for, as `Accept-Language` has them. */
export function askedLanguage(target: string, headers: Headers): string | undefined {
  return valueOf(target, headers, languageName) ?? headers.get("accept-language") ?? undefined;
}

/** What user agents have in them. */
const platforms = [
  ["ios", /darwin|cfnetwork|iphone|ipad/i],
  ["android", /android/i],
] as const;

/** A query without what is read here. */
export function withoutVersion(query: string): string {
  if (!ownNames.some((name) => query.includes(name))) return query;
  return query
    .split("&")
    .filter((piece) => !ownNames.includes(nameOf(piece)))
    .join("&");
}

/** The query comes first. */
function valueOf(target: string, headers: Headers, name: string): string | undefined {
  const at = target.includes(name) ? target.indexOf("?") : -1;
  const given =
    at < 0
      ? []
      : target
          .slice(at + 1)
          .split("&")
          .filter((piece) => nameOf(piece) === name);
  if (given.length > 1) throw badRequest(`${name} is given more than once`, name);
  if (given[0] === undefined) return headers.get(name) ?? undefined;
  try {
    return decodeURIComponent(given[0].slice(name.length + 1));
  } catch {
    // The only way to fail.
    throw badRequest(`${name} has a malformed percent escape, or text that is not UTF-8`, name);
  }
}

const nameOf = (piece: string): string => piece.split("=", 1)[0]!;
