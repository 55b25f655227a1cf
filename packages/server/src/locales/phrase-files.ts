// Translations in folders: a file for each language, `es.json`, with phrases and what they become.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { BkError } from "@bk/core";

/** A translation; or one for each kind of number that the language has (`one`, `few`, `other` …). */
export type Translation = string | ReadonlyMap<string, string>;
export type Phrases = ReadonlyMap<string, Translation>;

export interface PhraseFile {
  readonly path: string;
  /** In lower case. */
  readonly language: string;
  /** Changes when the file does. */
  readonly mark: string;
}

const kinds: ReadonlySet<string> = new Set(["zero", "one", "two", "few", "many", "other"]);

/** The tag of a language as it is compared; undefined for what is none. */
export function languageTag(text: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(text.replaceAll("_", "-"))[0]?.toLowerCase();
  } catch {
    return undefined;
  }
}

/**
 * The files of folders, in their order.
 *
 * @throws BkError `invalid` for a folder that cannot be read
 */
export async function phraseFiles(folders: readonly string[]): Promise<PhraseFile[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder).catch((cause: unknown) => {
        throw invalid(`the folder ${folder} cannot be read`, cause);
      });
      // What editors and file systems put beside them begins with a dot.
      const files = names.filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort();
      return Promise.all(
        files.map(async (name) => {
          const path = join(folder, name);
          const language = languageTag(name.slice(0, -".json".length));
          if (language === undefined) throw invalid(`${path} is not named for a language, such as es.json`);
          const { mtimeMs, size, ino } = await stat(path).catch((cause: unknown) => {
            throw invalid(`${path} cannot be read`, cause);
          });
          return { path, language, mark: `${path} ${ino} ${size} ${mtimeMs}` };
        }),
      );
    }),
  );
  return found.flat();
}

/** @throws BkError `invalid`, naming the file and what is wrong in it */
export async function readPhrases(path: string): Promise<Phrases> {
  let content: unknown;
  try {
    // Some editors begin a file with a byte order mark.
    content = JSON.parse((await readFile(path, "utf8")).replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw invalid(`${path} cannot be read as JSON`, cause);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) throw invalid(`${path} is no object of phrases`);
  const phrases = new Map<string, Translation>();
  for (const [phrase, value] of Object.entries(content)) {
    const translation = translationOf(value);
    if (translation === undefined)
      throw invalid(
        `${path}: ${JSON.stringify(phrase.slice(0, 60))} is neither a text nor texts for ${[...kinds].join(", ")} with other among them`,
      );
    // What `locales extract` has added, and nobody translated yet.
    if (translation !== "") phrases.set(phrase, translation);
  }
  return phrases;
}

function translationOf(value: unknown): Translation | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "other")) return undefined;
  const entries = Object.entries(value);
  return entries.every(([kind, text]) => kinds.has(kind) && typeof text === "string") ? new Map(entries as [string, string][]) : undefined;
}

const invalid = (message: string, cause?: unknown): BkError =>
  new BkError("invalid", `locales: ${message}`, { detail: { field: "locales" }, cause });
