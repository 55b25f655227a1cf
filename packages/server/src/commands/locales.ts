// `bk-server locales extract`: the phrases of sources, for whoever translates them.

import { join } from "node:path";

import { BkError } from "@bk/core";

import { extractPhrases } from "../locales/extract-phrases.js";
import { languageTag } from "../locales/phrase-files.js";
import type { Configuration } from "../settings/configuration.js";
import { type JsonOption, tell } from "./output.js";

export interface ExtractOptions extends JsonOption {
  readonly lang: string;
  readonly dir: string;
}

export async function extractLocalesCommand(
  _configuration: Configuration,
  { lang, dir, json }: ExtractOptions,
  paths: readonly string[],
): Promise<void> {
  if (languageTag(lang) === undefined)
    throw new BkError("invalid", "locales extract: --lang must be a language such as es or pt-BR", { detail: { field: "lang" } });
  const file = join(dir, `${lang}.json`);
  const { found, added, unused } = await extractPhrases(paths, file);
  const more = unused.length === 0 ? [] : [`in no source: ${unused.join(", ")}`];
  tell({ json }, { file, found, added, unused }, `${file}: ${found} phrases, ${added} new`, ...more);
}
