// Parameters of programs: described once, for reading, checking, help and docs.

import { BkError } from "./errors.js";
import type { OptionType } from "./options.js";

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
  /** Other names that are taken for it, such as those of backendjs, with a `*` where its own has one. They are told as deprecated. */
  readonly aliases?: readonly string[];
  /** What the word may be that stands at the `*` of its name, as a regular expression; default letters, digits and `_`, a letter first. */
  readonly word?: string;
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
