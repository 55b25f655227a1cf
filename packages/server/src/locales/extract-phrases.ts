// Finds the phrases of sources, for whoever translates them.

import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";

import { BkError } from "@bk/core";

const endings: ReadonlySet<string> = new Set([".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs", ".html", ".ejs"]);
const others: ReadonlySet<string> = new Set(["node_modules", "dist"]);
/** `phrase("…")`, `__("…")`, `__({ phrase: "…" })`. */
const call = /(?<![\w$])(?:phrase|__)\(\s*(?:\{\s*phrase\s*:\s*)?("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.)*`)/g;

/** The phrases in a source, each once, in their order. */
export function phrasesIn(source: string): string[] {
  return [...new Set([...source.matchAll(call)].map(([, literal]) => textOf(literal!)))].filter((phrase) => phrase !== "");
}

/** What a literal of JavaScript says. */
function textOf(literal: string): string {
  const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", 0: "\0", "\n": "" };
  return literal
    .slice(1, -1)
    .replaceAll(
      /\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([^]))/g,
      (_all, point: string, unit: string, byte: string, other: string) => {
        const code = point ?? unit ?? byte;
        return code === undefined ? (escapes[other] ?? other) : String.fromCodePoint(Number.parseInt(code, 16));
      },
    );
}

/** All sources below folders, and files that are named. @throws BkError `invalid` for a path that is none */
async function sourcesIn(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const status = await stat(path).catch(() => {
        throw new BkError("invalid", `locales extract: ${path} cannot be read`, { detail: { field: "paths" } });
      });
      if (!status.isDirectory()) return [path];
      const entries = await readdir(path, { withFileTypes: true });
      const inner = entries
        .filter(({ name }) => !name.startsWith(".") && !others.has(name))
        .filter((entry) => entry.isDirectory() || (entry.isFile() && endings.has(extname(entry.name))));
      return sourcesIn(inner.map(({ name }) => join(path, name)));
    }),
  );
  return found.flat();
}

export interface Extracted {
  /** Phrases of the sources. */
  readonly found: number;
  /** Those that the file did not have. */
  readonly added: number;
  /** Those of the file that no source has. They stay. */
  readonly unused: readonly string[];
}

/**
 * Adds the phrases of sources to a file, with empty translations, which count as none. What is translated stays.
 *
 * @throws BkError `invalid` for paths or a file that cannot be read
 */
export async function extractPhrases(paths: readonly string[], file: string): Promise<Extracted> {
  const sources = await Promise.all((await sourcesIn(paths)).map((path) => readFile(path, "utf8")));
  const phrases = new Set(sources.flatMap(phrasesIn));
  const known = await knownIn(file);
  const all = new Map([...known, ...[...phrases].filter((phrase) => !known.has(phrase)).map((phrase): [string, unknown] => [phrase, ""])]);
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
  // Written by hand, for an object would take `__proto__` for its prototype.
  const text = `{\n${sorted.map(([phrase, value]) => `  ${JSON.stringify(phrase)}: ${JSON.stringify(value)}`).join(",\n")}\n}\n`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
  return { found: phrases.size, added: all.size - known.size, unused: [...known.keys()].filter((phrase) => !phrases.has(phrase)) };
}

async function knownIn(file: string): Promise<Map<string, unknown>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
  try {
    return new Map(Object.entries(JSON.parse(text) as object));
  } catch (cause) {
    throw new BkError("invalid", `locales extract: ${file} is not JSON; it is left as it is`, { detail: { field: "file" }, cause });
  }
}
