// Keys as they are stored: the cache's prefix, then the caller's key. What is not an ordinary value has a mark after the
// prefix that no ordinary key begins with, so that a lock, a map and a value of one name never meet.

/** Kinds of entries beside ordinary values. */
export type EntryKind = "map" | "list" | "lock" | "limit" | "tag" | "load" | "spare";

const mark = "!";

/** Where an ordinary value lies: the key as it is; one that begins with the mark gets a second one. */
export function valueKey(prefix: string, key: string): string {
  return key.startsWith(mark) ? prefix + mark + key : prefix + key;
}

export function systemKey(prefix: string, kind: EntryKind, name: string): string {
  return `${prefix}${mark}${kind}:${name}`;
}

/** Which keys a call means. Plain data: it is sent to other processes. */
export interface KeyMatch {
  readonly prefix: string;
  /**
   * A pattern for keys of ordinary values as the caller knows them: `*` any characters, `?` one, `\` before either takes it
   * literally. Undefined: all values, maps, lists and tags; never locks and limits.
   */
  readonly pattern: string | undefined;
}

/** The caller's key of an ordinary value; undefined for others. */
export function callersKey(prefix: string, stored: string): string | undefined {
  if (!stored.startsWith(prefix)) return undefined;
  const key = stored.slice(prefix.length);
  if (!key.startsWith(mark)) return key;
  return key.startsWith(mark + mark) ? key.slice(1) : undefined;
}

const cleared = /^!(?:map|list|tag|load|spare):/;

/** Tells whether a stored key is meant. */
export function keyMatcher({ prefix, pattern }: KeyMatch): (stored: string) => boolean {
  if (pattern === undefined)
    return (stored) => callersKey(prefix, stored) !== undefined || (stored.startsWith(prefix) && cleared.test(stored.slice(prefix.length)));
  const matches = globMatcher(pattern);
  return (stored) => {
    const key = callersKey(prefix, stored);
    return key !== undefined && matches(key);
  };
}

/** The text that all keys of a match begin with. */
export function literalStart({ prefix, pattern }: KeyMatch): string {
  if (pattern === undefined) return prefix;
  let start = "";
  for (const part of globParts(pattern)) {
    if (part.any !== undefined) break;
    start += part.text;
  }
  return valueKey(prefix, start);
}

interface GlobPart {
  /** `one` or `many` characters; undefined: exactly `text`. */
  readonly any: "one" | "many" | undefined;
  readonly text: string;
}

function globParts(pattern: string): GlobPart[] {
  const parts: GlobPart[] = [];
  const characters = Array.from(pattern);
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === "*") {
      if (parts.at(-1)?.any !== "many") parts.push({ any: "many", text: "" });
    } else if (character === "?") parts.push({ any: "one", text: "" });
    else if (character === "\\" && i + 1 < characters.length) parts.push({ any: undefined, text: characters[++i]! });
    else parts.push({ any: undefined, text: character });
  }
  return parts;
}

/** Matches by two marks instead of a regular expression: no pattern takes longer than its length times the key's. */
export function globMatcher(pattern: string): (key: string) => boolean {
  const parts = globParts(pattern);
  return (key) => {
    const characters = Array.from(key);
    let at = 0;
    let part = 0;
    // Where to go on when what follows the last star does not fit.
    let starPart = -1;
    let starAt = 0;
    while (at < characters.length) {
      const wanted = parts[part];
      if (wanted?.any === "many") {
        starPart = part++;
        starAt = at;
      } else if (wanted !== undefined && (wanted.any === "one" || wanted.text === characters[at])) {
        part++;
        at++;
      } else if (starPart >= 0) {
        part = starPart + 1;
        at = ++starAt;
      } else return false;
    }
    while (parts[part]?.any === "many") part++;
    return part === parts.length;
  };
}
