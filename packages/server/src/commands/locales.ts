// `bk-server locales extract`: the phrases of sources, for whoever translates them.

import { join } from "node:path";

import { BkError } from "@bk/core";

import { extractPhrases } from "../locales/extract-phrases.js";
import { languageTag } from "../locales/phrase-files.js";

export interface ExtractOptions {
  readonly lang: string;
  readonly dir: string;
}

export async function extractLocalesCommand(paths: readonly string[], { lang, dir }: ExtractOptions): Promise<void> {
  if (languageTag(lang) === undefined)
    throw new BkError("invalid", "locales extract: --lang must be a language such as es or pt-BR", { detail: { field: "lang" } });
  const file = join(dir, `${lang}.json`);
  const { found, added, unused } = await extractPhrases(paths, file);
  process.stdout.write(`${file}: ${found} phrases, ${added} new\n`);
  if (unused.length > 0) process.stdout.write(`in no source: ${unused.join(", ")}\n`);
}
