// What parameters there are: described once, for reading, checking, help, docs and the shell.

import { BkError, type OptionType } from "@bk/core";

/** One parameter. */
export interface Parameter<Value = unknown> {
  /** What it takes. */
  readonly type: OptionType<Value>;
  /** What it does, as half a sentence. */
  readonly help: string;
  /** What the value is called in the help; default `value`. */
  readonly value?: string;
  /** What holds where nobody gives it. */
  readonly default?: Value;
  /** How the default is shown where it does not follow from `default`: as a text that the type takes, or as words. */
  readonly shownDefault?: string;
  /** Other names that are taken for it, such as those of backendjs. They are told as deprecated. */
  readonly aliases?: readonly string[];
  /** It is never shown. */
  readonly secret?: boolean;
  /** A change is used without a restart. */
  readonly live?: boolean;
  /** DNS is asked for it where `config-domain` is given. */
  readonly dns?: boolean;
  /** It decides where settings are looked for, so that only the command line and the environment may give it. */
  readonly early?: boolean;
  /** A heading of the reference; default `General`. */
  readonly group?: string;
}

/** Parameters by name. A `*` in a name stands for a word of letters, digits and `_`, as in `db-*-pool`. */
export interface Definitions {
  readonly [name: string]: Parameter;
}

type ValueOf<P> = P extends { readonly type: OptionType<infer Value> }
  ? P extends { readonly default: unknown }
    ? Value
    : Value | undefined
  : never;

/** The values of parameters, by name; undefined where nothing is given and there is no default. */
export type ConfigValues<D extends Definitions> = { readonly [Name in keyof D]: ValueOf<D[Name]> };

const nameForm = /^[a-z][a-z0-9]*(-([a-z0-9]+|\*))*$/;

/**
 * Describes parameters, and types them.
 *
 * @example
 *   const shop = defineConfig({ "shop-currency": { type: string(), default: "EUR", help: "what prices are in" } });
 * @throws BkError `invalid` for a name that is not lower case with dashes, names that meet, a default that its type does not take
 */
export function defineConfig<const D extends Definitions>(definitions: D): D {
  const seen = new Set<string>();
  for (const [name, { type, default: value, aliases = [] }] of Object.entries(definitions)) {
    if (!nameForm.test(name)) throw invalid(name, "must be lower case words with dashes, such as log-level");
    for (const own of [name, ...aliases]) {
      if (seen.has(own)) throw invalid(own, "is there twice");
      seen.add(own);
    }
    if (value !== undefined && type.read(value) === undefined) throw invalid(name, `its default must be ${type.mustBe}`);
  }
  return definitions;
}

function invalid(name: string, what: string): BkError {
  return new BkError("invalid", `parameter ${JSON.stringify(name)}: ${what}`, { detail: { field: name } });
}

/** A parameter and the name that it was found by: for `db-pg-pool` that, of the parameter `db-*-pool`. */
export interface Found {
  readonly name: string;
  readonly parameter: Parameter;
  /** The name of its definition. */
  readonly definition: string;
  /** It was asked for by an old name. */
  readonly isAlias: boolean;
}

/** Finds parameters by the names that people write. */
export class Names {
  readonly definitions: Definitions;
  readonly #aliases = new Map<string, string>();
  readonly #patterns: { readonly form: RegExp; readonly name: string }[] = [];

  constructor(definitions: Definitions) {
    this.definitions = definitions;
    for (const [name, { aliases = [] }] of Object.entries(definitions)) {
      if (name.includes("*")) this.#patterns.push({ form: new RegExp(`^${name.replaceAll("*", "([a-z][a-z0-9_]*)")}$`), name });
      for (const alias of aliases) this.#aliases.set(alias, name);
    }
  }

  /** All names, patterns as they are written. */
  get all(): readonly string[] {
    return Object.keys(this.definitions);
  }

  find(given: string): Found | undefined {
    const alias = this.#aliases.get(given);
    const name = alias ?? given;
    if (Object.hasOwn(this.definitions, name) && !name.includes("*"))
      return { name, parameter: this.definitions[name]!, definition: name, isAlias: alias !== undefined };
    const pattern = this.#patterns.find(({ form }) => form.test(given));
    if (pattern === undefined) return undefined;
    return { name: given, parameter: this.definitions[pattern.name]!, definition: pattern.name, isAlias: false };
  }

  /** The word that stands at the `*` of a definition. */
  wordOf(definition: string, name: string): string | undefined {
    return this.#patterns.find((pattern) => pattern.name === definition)?.form.exec(name)?.[1];
  }

  /** The name of a variable without its prefix: `DB_MY_ONE_POOL` → `db-my_one-pool`. */
  ofVariable(rest: string): string | undefined {
    const plain = rest.toLowerCase().replaceAll("_", "-");
    if (this.find(plain) !== undefined && !this.#patterns.some(({ form }) => form.test(plain))) return plain;
    const lower = rest.toLowerCase();
    for (const { name } of this.#patterns) {
      const [before, after] = name.replaceAll("-", "_").split("*") as [string, string];
      if (!lower.startsWith(before) || !lower.endsWith(after)) continue;
      const given = name.replace("*", lower.slice(before.length, lower.length - after.length));
      if (this.find(given) !== undefined) return given;
    }
    return undefined;
  }
}

/** `max-count` → `BK_MAX_COUNT` */
export const environmentName = (name: string): string => `BK_${name.replaceAll("-", "_").toUpperCase()}`;
