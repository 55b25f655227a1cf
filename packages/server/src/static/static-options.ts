// What is said of files that a server sends.

import { BkError } from "@bk/core";

import { realFolder } from "./file-path.js";

/** Folders for some hosts. */
export interface StaticHost {
  /** A name, `*.` and the end of a name, or what the whole name must look like. */
  readonly host: string | RegExp;
  readonly roots: readonly string[];
}

export interface StaticOptions {
  /** Folders that are looked in, one after another. */
  readonly roots: readonly string[];
  /** Folders in place of these for hosts of their own. The first that fits counts. */
  readonly hosts?: readonly StaticHost[] | undefined;
  /** Paths, such as `/js/app.js`, of files that are those of `roots` for hosts of their own too. Default none. */
  readonly shared?: RegExp | undefined;
  /** The file of a folder; default `index.html`. `false`: folders have none. */
  readonly index?: string | false | undefined;
  /** Endings that are tried for a path without a file, such as `html`; default none. */
  readonly extensions?: readonly string[] | undefined;
  /** How long browsers keep a file without asking, in milliseconds; default 0: they ask each time whether it has changed. */
  readonly maxAgeMs?: number | undefined;
  /**
   * Paths of files that never change, for their name has a hash of the content: browsers keep them for a year. Default names such as `app-3f9a2b1c.js` and `app-K7XQ2M4A.js`.
   * `false`: none.
   */
  readonly immutable?: RegExp | false | undefined;
  /** Paths of files that nobody keeps. Default none. */
  readonly noStore?: RegExp | undefined;
  /** Media types by ending, beside those that are known. */
  readonly types?: Readonly<Record<string, string>> | undefined;
  /** Whether `app.js.br`, `.zst` and `.gz` are sent in place of `app.js` to clients that take them; default true. */
  readonly precompressed?: boolean | undefined;
}

export interface StaticSettings {
  readonly roots: readonly string[];
  readonly hosts: readonly { readonly fits: (host: string) => boolean; readonly roots: readonly string[] }[];
  readonly shared: RegExp | undefined;
  readonly index: string | false;
  readonly extensions: readonly string[];
  readonly maxAgeMs: number;
  readonly immutable: RegExp | false;
  readonly noStore: RegExp | undefined;
  readonly types: ReadonlyMap<string, string>;
  readonly precompressed: boolean;
}

/** A hash of hexadecimal digits, or as esbuild writes it; both with a letter and a digit, so that a date is none. */
const usualHash = /[.-](?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,64}\.\w+(\.map)?$|-(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z0-9]{8}\.\w+(\.map)?$/;

/** @throws BkError `invalid` naming the option, also for folders that are not there */
export function staticSettings(options: StaticOptions): StaticSettings {
  const {
    hosts = [],
    shared,
    index = "index.html",
    extensions = [],
    maxAgeMs = 0,
    immutable = usualHash,
    noStore,
    types = {},
    precompressed = true,
  } = options;
  const all = [...options.roots, ...hosts.flatMap(({ roots }) => roots)];
  if (options.roots.length === 0 && hosts.length === 0) throw invalid("roots is empty");
  const real = new Map(all.map((root) => [root, realFolder(root, "static")]));
  const placed = (roots: readonly string[]): string[] => roots.map((root) => real.get(root)!);
  if (index !== false && !/^[\w-]+(\.[\w-]+)*$/.test(index)) throw invalid("index is no name of a file");
  if (!(Number.isSafeInteger(maxAgeMs) && maxAgeMs >= 0)) throw invalid("maxAgeMs must be an integer from 0");
  for (const pattern of [immutable, noStore, shared])
    if (pattern instanceof RegExp && (pattern.global || pattern.sticky)) throw invalid("a pattern must not have the flags g and y");
  return {
    roots: placed(options.roots),
    hosts: hosts.map(({ host, roots }) => ({ fits: hostTest(host), roots: placed(roots) })),
    shared,
    index,
    extensions: extensions.map((each) => each.replace(/^\./, "")),
    maxAgeMs,
    immutable,
    noStore,
    types: new Map(Object.entries(types).map(([ending, type]) => [ending.replace(/^\./, "").toLowerCase(), type])),
    precompressed,
  };
}

function hostTest(host: string | RegExp): (given: string) => boolean {
  if (typeof host === "string") {
    const name = host.toLowerCase();
    return name.startsWith("*.") ? (given) => given.endsWith(name.slice(1)) && given.length > name.length - 1 : (given) => given === name;
  }
  if (host.global || host.sticky) throw invalid("a pattern must not have the flags g and y");
  return (given) => host.exec(given)?.[0] === given;
}

const invalid = (what: string): BkError => new BkError("invalid", `static: ${what}`, { detail: { field: "static" } });
