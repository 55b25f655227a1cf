// What values of parameters are, beside the types of `@bk/core`: as files, the environment and the command line write them.

import type { OptionType } from "@bk/core";

const yes: ReadonlySet<string> = new Set(["true", "on", "yes", "t", "y", "1"]);
const no: ReadonlySet<string> = new Set(["false", "off", "no", "f", "n", "0", "nil", "null"]);

/** `true`, `on`, `yes`, `t`, `y`, `1` or `false`, `off`, `no`, `f`, `n`, `0`, `nil`, `null`, as whole words of any case. */
export const bool: OptionType<boolean> = {
  mustBe: "true or false (or on, off, yes, no, 1, 0)",
  read: (given) => {
    if (typeof given === "boolean") return given;
    const word = typeof given === "string" ? given.toLowerCase() : "";
    return yes.has(word) ? true : no.has(word) ? false : undefined;
  },
};

const lengths: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What timers take, some days short of a month. */
const longestTimer = 2 ** 31 - 1;

/** A time such as `500ms`, `10s`, `15m`, `2h` or `1d`, as milliseconds; `0` needs no unit. */
export function duration({ min = 0, max = longestTimer }: { readonly min?: number; readonly max?: number } = {}): OptionType<number> {
  return measured("a time such as 500ms, 10s, 15m, 2h or 1d", lengths, shownDuration, min, max);
}

const sizes: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** A number of bytes such as `65536`, `64kb` or `10mb` (of 1,024). */
export function bytes({
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
}: { readonly min?: number; readonly max?: number } = {}): OptionType<number> {
  return measured("a number of bytes such as 65536, 64kb or 10mb", { ...sizes, "": 1 }, shownBytes, min, max);
}

function measured(
  what: string,
  units: Readonly<Record<string, number>>,
  shown: (value: number) => string,
  min: number,
  max: number,
): OptionType<number> {
  const least = min > 0 ? `, at least ${shown(min)}` : "";
  const limits = max > longestTimer ? least : max === longestTimer ? `${least}, less than 25d` : `, from ${shown(min)} to ${shown(max)}`;
  return {
    mustBe: `${what}${limits}`,
    read: (given) => {
      const value = typeof given === "string" ? amountOf(given.trim().toLowerCase(), units) : given;
      return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max ? (value as number) : undefined;
    },
  };
}

function amountOf(text: string, units: Readonly<Record<string, number>>): number | undefined {
  if (text === "0") return 0;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}

/** 90,000 → `90s`. */
export const shownDuration = (value: number): string => inLargestUnit(value, lengths);
/** 65,536 → `64kb`. */
export const shownBytes = (value: number): string => inLargestUnit(value, sizes).replace(/(?<=\d)b$/, "");

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  if (value === 0) return "0";
  const [unit, factor] = Object.entries(units).findLast(([, size]) => value % size === 0)!;
  return `${value / factor}${unit}`;
}

/** Words between commas or `|`, each once, whatever its case; of `words` alone where they are given. */
export function words<const Word extends string = string>(known?: readonly Word[]): OptionType<readonly Word[]> {
  return {
    mustBe: known === undefined ? "a list of words between commas" : `a list, between commas, of ${known.join(", ")}`,
    read: (given) => {
      const parts = typeof given === "string" ? given.split(/[,|]/) : given;
      if (!Array.isArray(parts) || !parts.every((part): part is string => typeof part === "string")) return undefined;
      const list = [
        ...new Map(parts.map((part) => part.trim()).flatMap((part) => (part === "" ? [] : [[part.toLowerCase(), part]]))).values(),
      ];
      return known === undefined || list.every((word) => known.includes(word as Word)) ? (list as Word[]) : undefined;
    },
  };
}

/** `name:value` pairs between commas, or a JSON object of texts. Names such as `__proto__` are names like others. */
export const pairs: OptionType<ReadonlyMap<string, string>> = {
  mustBe: "name:value pairs between commas, or a JSON object of texts",
  read: (given) => {
    if (given instanceof Map) return given as Map<string, string>;
    if (typeof given !== "string") return undefined;
    if (given.trimStart().startsWith("{")) {
      const object = json.read(given);
      if (typeof object !== "object" || object === null) return undefined;
      const entries = Object.entries(object);
      return entries.every((entry): entry is [string, string] => typeof entry[1] === "string") ? new Map(entries) : undefined;
    }
    const parts = given.split(",").filter((part) => part.trim() !== "");
    const split = parts.map((part) => /^([^:]+):([^]*)$/.exec(part));
    return split.every((match) => match !== null) ? new Map(split.map((match) => [match[1]!.trim(), match[2]!.trim()])) : undefined;
  },
};

/** A JSON text of anything but `null`. */
export const json: OptionType<unknown> = {
  mustBe: "JSON",
  read: (given) => {
    if (typeof given !== "string") return given ?? undefined;
    try {
      return (JSON.parse(given) as unknown) ?? undefined;
    } catch {
      return undefined;
    }
  },
};

/** A regular expression, which must not match the empty text: one that does would match everything. */
export const regexp: OptionType<RegExp> = {
  mustBe: "a regular expression that does not match the empty text",
  read: (given) => {
    if (given instanceof RegExp) return given;
    if (typeof given !== "string" || given === "") return undefined;
    try {
      const made = new RegExp(given);
      return made.test("") ? undefined : made;
    } catch {
      return undefined;
    }
  },
};
