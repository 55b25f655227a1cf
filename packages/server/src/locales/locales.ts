// What is said to people, in their language.

import { BkError, type Clock, type Log, plainText, silentLog, systemClock } from "@bk/core";

import { askedLanguages, languageChain } from "./accept-language.js";
import { languageTag, phraseFiles, type Phrases, readPhrases, type Translation } from "./phrase-files.js";

export interface LocalesOptions {
  /** Folders with a file for each language. Those of later ones come first where several have a phrase. */
  readonly folders: readonly string[];
  /** The languages that are loaded; default all that there are files of. */
  readonly languages?: readonly string[] | undefined;
  /** The language that phrases are written in; default `en`. */
  readonly source?: string | undefined;
  /** How often files are looked at for changes, in milliseconds; default 2,000. 0: never. */
  readonly reloadMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

/** A phrase in a language. */
export interface Translated {
  readonly text: string;
  /** Such as `es` or `pt-br`; undefined where no language has the phrase: then the text is the phrase. */
  readonly language: string | undefined;
}

export interface Locales {
  /**
   * A phrase in the first of the languages asked for that has it, else in the source's; else the phrase itself.
   *
   * `%s`, `%d` and `%j` (JSON) stand for `args` in their order, `%2$s` for the second, `%%` for `%`. Where a translation differs by number, the first number among `args` decides.
   *
   * @param asked  as `Accept-Language` has it
   */
  translate(asked: string | undefined, phrase: string, args?: readonly unknown[]): Translated;
  /** Reads files again that have changed. What cannot be read is logged once, and stays as it was. */
  reload(): Promise<void>;
  close(): void;
}

/** Headers whose languages are kept, and phrases of which it is known that they were told of. */
const mostKept = 1000;

/**
 * Loads translations.
 *
 * @throws BkError `invalid` for a folder or file that cannot be read, naming it
 */
export async function openLocales(options: LocalesOptions): Promise<Locales> {
  const { folders, reloadMs = 2000, clock = systemClock, log = silentLog } = options;
  if (!Array.isArray(folders) || folders.length === 0) throw invalid("locales needs folders");
  const source = tagOf(options.source ?? "en");
  const wanted = options.languages === undefined ? undefined : new Set(options.languages.map(tagOf));
  let marks = new Map<string, Phrases>();
  let languages = new Map<string, Phrases>();
  const chains = new Map<string, readonly string[]>();
  const rules = new Map<string, Intl.PluralRules>();
  const missing = new Set<string>();

  async function load(onFault: (error: unknown, path: string) => Phrases): Promise<void> {
    const files = (await phraseFiles(folders)).filter(({ language }) => wanted?.has(language) !== false);
    if (files.length === marks.size && files.every(({ mark }) => marks.has(mark))) return;
    const read = new Map<string, Phrases>();
    const merged = new Map<string, Map<string, Translation>>();
    for (const { path, language, mark } of files) {
      const phrases = marks.get(mark) ?? (await readPhrases(path).catch((error: unknown) => onFault(error, path)));
      read.set(mark, phrases);
      merged.set(language, new Map([...(merged.get(language) ?? []), ...phrases]));
    }
    marks = read;
    languages = merged;
    chains.clear();
    missing.clear();
  }

  function chainOf(asked: string): readonly string[] {
    const known = chains.get(asked);
    if (known !== undefined) return known;
    const chain = languageChain(askedLanguages(asked), new Set([...languages.keys(), source]));
    if (chains.size >= mostKept) chains.clear();
    chains.set(asked, chain);
    return chain;
  }

  function textOf(language: string, phrase: string, args: readonly unknown[]): string | undefined {
    const translation = languages.get(language)?.get(phrase);
    if (translation === undefined || typeof translation === "string") return translation;
    const number = args.find((each) => typeof each === "number" || typeof each === "bigint") ?? 0;
    let rule = rules.get(language);
    if (rule === undefined) rules.set(language, (rule = new Intl.PluralRules(language)));
    return translation.get(rule.select(Number(number))) ?? translation.get("other");
  }

  function noteMissing(language: string, phrase: string): void {
    const key = `${language} ${phrase}`;
    if (missing.has(key) || missing.size >= mostKept) return;
    missing.add(key);
    log.debug("a phrase has no translation", { language, phrase: plainText(phrase, 200) });
  }

  await load((error) => {
    throw error;
  });

  const fault = (error: unknown): string => {
    const reason = error instanceof Error ? error.message : "unknown";
    log.error("phrases could not be read again", { error: reason });
    return reason;
  };
  /** Why the folders cannot be read, while that is so. */
  let known: string | undefined;
  const reload = async (): Promise<void> => {
    try {
      await load((error, path) => {
        fault(error);
        // As they were.
        return [...marks].find(([mark]) => mark.startsWith(`${path} `))?.[1] ?? new Map();
      });
      known = undefined;
    } catch (error) {
      // Told once, however often they are looked at.
      if (!(error instanceof Error && error.message === known)) known = fault(error);
    }
  };
  const end = new AbortController();
  if (reloadMs > 0) void watch();

  async function watch(): Promise<void> {
    for (;;) {
      try {
        await clock.sleep(reloadMs, end.signal);
      } catch {
        // Closed.
        return;
      }
      await reload();
    }
  }

  return {
    translate(asked, phrase, args = []) {
      const chain = asked === undefined ? [] : chainOf(asked);
      for (const language of chain) {
        const text = textOf(language, phrase, args);
        if (text !== undefined) return { text: filled(text, args), language };
        // As it is written it is in the language that is wanted.
        if (language === source) return { text: filled(phrase, args), language };
      }
      if (chain[0] !== undefined) noteMissing(chain[0], phrase);
      return { text: filled(textOf(source, phrase, args) ?? phrase, args), language: undefined };
    },
    reload,
    close: () => end.abort(),
  };
}

/** Folders of translations, or the phrases of another library. */
export type LocalesGiven = Pick<LocalesOptions, "folders" | "languages" | "source" | "reloadMs"> | Pick<Locales, "translate">;

/** What a server uses; with `close` where it is opened here. */
export async function localesOf(
  given: LocalesGiven | undefined,
  log: Log,
): Promise<(Pick<Locales, "translate"> & Partial<Pick<Locales, "close">>) | undefined> {
  if (given === undefined) return undefined;
  // Of another library's nothing else is used.
  if ("translate" in given) return { translate: (...asked) => given.translate(...asked) };
  return openLocales({ ...given, log });
}

/** A text with what its placeholders stand for. Those for which there is nothing stay. */
export function filled(text: string, args: readonly unknown[]): string {
  if (!text.includes("%")) return text;
  let next = 0;
  return text.replaceAll(/%(?:(\d{1,2})\$)?([sdj%])/g, (all: string, place: string | undefined, kind: string) => {
    if (kind === "%") return "%";
    const at = place === undefined ? next++ : Number(place) - 1;
    if (!(at in args)) return all;
    const value = args[at];
    if (kind === "j") return JSON.stringify(value) ?? "";
    return kind === "d" ? String(Number(value)) : String(value);
  });
}

function tagOf(text: string): string {
  const tag = languageTag(text);
  if (tag === undefined) throw invalid(`${JSON.stringify(text.slice(0, 40))} is no language, such as es or pt-BR`);
  return tag;
}

const invalid = (message: string): BkError => new BkError("invalid", message, { detail: { field: "locales" } });
