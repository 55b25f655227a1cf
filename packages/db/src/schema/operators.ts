// The operators of filters and guards: their names, aliases, how many values they take and what they become under `$not`.

/** Canonical operator names, as used in `{ column: { $name: value } }`. */
export const operators = [
  "eq",
  "ne",
  "gt",
  "ge",
  "lt",
  "le",
  "between",
  "not_between",
  "in",
  "not_in",
  "null",
  "not_null",
  "begins_with",
  "not_begins_with",
  "ends_with",
  "not_ends_with",
  "contains",
  "not_contains",
  "like",
  "not_like",
  "ilike",
  "not_ilike",
  "regexp",
  "not_regexp",
  "iregexp",
  "not_iregexp",
] as const;

export type Operator = (typeof operators)[number];

/**
 * The operators inside plans: the public ones and `same`, which is true when the stored value is the given one,
 * absence included. The core uses it to change a row only if it is still as it was read.
 */
export type TestOperator = Operator | "same";

const opposites: readonly (readonly [Operator, Operator])[] = [
  ["eq", "ne"],
  ["gt", "le"],
  ["ge", "lt"],
  ["between", "not_between"],
  ["in", "not_in"],
  ["null", "not_null"],
  ["begins_with", "not_begins_with"],
  ["ends_with", "not_ends_with"],
  ["contains", "not_contains"],
  ["like", "not_like"],
  ["ilike", "not_ilike"],
  ["regexp", "not_regexp"],
  ["iregexp", "not_iregexp"],
];

/** The operator that holds for exactly the present values for which this one does not. */
export const negated: ReadonlyMap<Operator, Operator> = new Map(opposites.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]));

const aliases: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    "=": "eq",
    "==": "eq",
    "!=": "ne",
    "<>": "ne",
    ">": "gt",
    ">=": "ge",
    gte: "ge",
    "<": "lt",
    "<=": "le",
    lte: "le",
    "like%": "begins_with",
    "not like%": "not_begins_with",
    nin: "not_in",
    "~": "regexp",
    "!~": "not_regexp",
    "~*": "iregexp",
    "!~*": "not_iregexp",
  }),
);

/** The canonical operator of a name or alias (any case, spaces or underscores), or undefined when there is none. */
export function operatorOf(name: string): Operator | undefined {
  const plain = name.trim().toLowerCase();
  const alias = aliases.get(plain);
  if (alias !== undefined) return alias;
  const canonical = plain.replaceAll(" ", "_");
  return (operators as readonly string[]).includes(canonical) ? (canonical as Operator) : undefined;
}

/** What a change does to a column. */
export type ChangeOp = "set" | "incr" | "append" | "prepend" | "add" | "del" | "unset";

/** What an operator takes: `one` value, `many`, a `text` (or an element of a list), or a `flag` that says whether it shall hold. */
export type Operand = "one" | "many" | "text" | "flag";

const many: readonly Operator[] = ["between", "not_between", "in", "not_in"];
const flags: readonly Operator[] = ["null", "not_null"];
const one: readonly Operator[] = ["eq", "ne", "gt", "ge", "lt", "le"];

export function operandOf(operator: Operator): Operand {
  if (one.includes(operator)) return "one";
  if (many.includes(operator)) return "many";
  return flags.includes(operator) ? "flag" : "text";
}
