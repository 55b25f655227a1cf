// Options by name, as a URL's query (strings), a pool's settings, the command line or the environment give them: each is
// known, of its type and in its range, or the reading fails and says what is allowed.

/** What one option takes. */
export interface OptionType<Value> {
  /** Completes "must be …". */
  readonly mustBe: string;
  /** The value, also where it is written as a string; undefined where `given` is not one. */
  readonly read: (given: unknown) => Value | undefined;
}

/** `true` or `false`; as a string also `1` and `0`. */
export const flag: OptionType<boolean> = {
  mustBe: "true or false",
  read: (given) =>
    given === true || given === "true" || given === "1" ? true : given === false || given === "false" || given === "0" ? false : undefined,
};

/** An integer from `min`, default 0, to `max`, default 2^31 − 1, which is as long as a timer can be. */
export function integer({ min = 0, max = 2 ** 31 - 1 }: { readonly min?: number; readonly max?: number } = {}): OptionType<number> {
  return {
    mustBe: `an integer from ${min} to ${max}`,
    read: (given) => {
      const number = typeof given === "string" && /^-?\d+$/.test(given) ? Number(given) : given;
      return Number.isSafeInteger(number) && (number as number) >= min && (number as number) <= max ? (number as number) : undefined;
    },
  };
}

/** A finite number above `above`, default 0, and at most `max`. */
export function number({ above = 0, max = Infinity }: { readonly above?: number; readonly max?: number } = {}): OptionType<number> {
  return {
    mustBe: `a number above ${above}${max === Infinity ? "" : ` and at most ${max}`}`,
    read: (given) => {
      const value = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
      return Number.isFinite(value) && (value as number) > above && (value as number) <= max ? (value as number) : undefined;
    },
  };
}

/** A string for which `holds`; default: one that is not empty. */
export function string(
  mustBe = "a string that is not empty",
  holds: (text: string) => boolean = (text) => text !== "",
): OptionType<string> {
  return { mustBe, read: (given) => (typeof given === "string" && holds(given) ? given : undefined) };
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]): OptionType<Word> {
  return { mustBe: `one of ${words.join(", ")}`, read: (given) => words.find((word) => word === given) };
}

/** A list of strings, or one string with commas between them. */
export const list: OptionType<readonly string[]> = {
  mustBe: "a list of strings that are not empty, or one string with commas between them",
  read: (given) => {
    const parts: unknown = typeof given === "string" ? given.split(",").map((part) => part.trim()) : given;
    return Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part === "string" && part !== "")
      ? (parts as string[])
      : undefined;
  },
};

/** What either of two types takes; the first decides where both do. */
export function either<A, B>(a: OptionType<A>, b: OptionType<B>): OptionType<A | B> {
  return { mustBe: `${a.mustBe}, or ${b.mustBe}`, read: (given) => a.read(given) ?? b.read(given) };
}

/** An object of settings that is handed on as it is. */
export function settingsOf<Settings extends object>(what: string): OptionType<Settings> {
  return {
    mustBe: `an object of settings of ${what}`,
    read: (given) => (typeof given === "object" && given !== null && !Array.isArray(given) ? (given as Settings) : undefined),
  };
}

/** The types of options, by name. */
export type OptionTypes = { readonly [name: string]: OptionType<unknown> };
/** What was read: undefined where an option was not given. */
export type ReadOptions<Types extends OptionTypes> = {
  readonly [Name in keyof Types]: (Types[Name] extends OptionType<infer Value> ? Value : never) | undefined;
};

/**
 * Reads options; those that are undefined are left out.
 *
 * @param fail  makes the error of an option that is unknown or wrong, from its name and what is the matter; values are never in it
 * @throws what `fail` makes
 */
export function readOptions<Types extends OptionTypes>(
  given: Readonly<Record<string, unknown>>,
  types: Types,
  fail: (option: string, problem: string) => Error,
): ReadOptions<Types> {
  const names = Object.keys(types);
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(types, name))
      throw fail(name, `unknown option "${name.slice(0, 60)}"; there ${names.length === 0 ? "are none" : `are ${names.join(", ")}`}`);
    const problem = problemOf(types[name]!, value);
    if (problem !== undefined) throw fail(name, `option "${name}" ${problem}`);
    read[name] = types[name]!.read(value);
  }
  return read as ReadOptions<Types>;
}

/** What is wrong with a value, as "must be …"; undefined when nothing is. */
export function problemOf(type: OptionType<unknown>, given: unknown): string | undefined {
  return type.read(given) === undefined ? `must be ${type.mustBe}` : undefined;
}
