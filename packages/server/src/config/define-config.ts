// Finding parameters by the names that people write.

import { type Definitions, type Parameter, string } from "@bk/core";

import type { Given } from "./config-text.js";

/** A parameter and the name that it was found by: for `db-pg-pool` that, of the parameter `db-*-pool`. */
export interface Found {
  readonly name: string;
  readonly parameter: Parameter;
  /** The name of its definition. */
  readonly definition: string;
  /** It was asked for by an old name. */
  readonly isAlias: boolean;
}

/** Puts what a place gives into other names, with what is to be told of that. */
export type Rename = (given: readonly Given[]) => { readonly given: readonly Given[]; readonly warnings: readonly string[] };

/** It may be a secret. */
const elsewhere: Parameter = {
  type: string("a text", () => true),
  help: "a setting of a module of the app, which describes it",
  secret: true,
};

/** Finds parameters by the names that people write. */
export class Names {
  readonly definitions: Definitions;
  readonly rename: Rename;
  readonly #aliases = new Map<string, string>();
  readonly #patterns: { readonly form: RegExp; readonly name: string; readonly isAlias: boolean }[] = [];
  readonly #isElsewhere: (name: string) => boolean;

  /**
   * @param rename       default: there are no older names than the aliases
   * @param isElsewhere  which other names are described by somebody else: any text is taken for them. Default: none
   */
  constructor(
    definitions: Definitions,
    rename: Rename = (given) => ({ given, warnings: [] }),
    isElsewhere: (name: string) => boolean = () => false,
  ) {
    this.definitions = definitions;
    this.rename = rename;
    this.#isElsewhere = isElsewhere;
    for (const [name, { aliases = [], word = "[a-z][a-z0-9_]*" }] of Object.entries(definitions)) {
      const form = (own: string): RegExp => new RegExp(`^${own.replaceAll("*", `(${word})`)}$`);
      if (name.includes("*")) this.#patterns.push({ form: form(name), name, isAlias: false });
      for (const alias of aliases)
        if (alias.includes("*")) this.#patterns.push({ form: form(alias), name, isAlias: true });
        else this.#aliases.set(alias, name);
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
    if (pattern === undefined)
      return this.#isElsewhere(given) ? { name: given, parameter: elsewhere, definition: given, isAlias: false } : undefined;
    const own = pattern.isAlias ? pattern.name.replace("*", pattern.form.exec(given)![1]!) : given;
    return { name: own, parameter: this.definitions[pattern.name]!, definition: pattern.name, isAlias: pattern.isAlias };
  }

  /** The word that stands at the `*` of a definition. */
  wordOf(definition: string, name: string): string | undefined {
    return this.#patterns.find((pattern) => pattern.name === definition && !pattern.isAlias)?.form.exec(name)?.[1];
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
    // Older names are told of.
    return this.rename([{ name: plain, text: undefined, role: undefined, where: rest }]).warnings.length > 0 ? plain : undefined;
  }
}

/** `max-count` → `BK_MAX_COUNT` */
export const environmentName = (name: string): string => `BK_${name.replaceAll("-", "_").toUpperCase()}`;
