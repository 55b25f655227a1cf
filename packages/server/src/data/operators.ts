// The operators of filters over HTTP, and what kind of operand each takes.

/** `one` value of the column, `many`, a `text` (or pattern), or a `flag` that says whether it shall hold. */
export type Operand = "one" | "many" | "text" | "flag";

export const operands = {
  eq: "one",
  ne: "one",
  gt: "one",
  ge: "one",
  lt: "one",
  le: "one",
  between: "many",
  not_between: "many",
  in: "many",
  not_in: "many",
  null: "flag",
  not_null: "flag",
  begins_with: "text",
  not_begins_with: "text",
  ends_with: "text",
  not_ends_with: "text",
  contains: "text",
  not_contains: "text",
  like: "text",
  not_like: "text",
  ilike: "text",
  not_ilike: "text",
} as const satisfies Readonly<Record<string, Operand>>;

export type OperatorName = keyof typeof operands;

const aliases: Readonly<Record<string, OperatorName>> = {
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
  nin: "not_in",
  "like%": "begins_with",
  "not like%": "not_begins_with",
};

/** The operator of a name or alias, any case; undefined when there is none. Patterns by regular expression are not served. */
export function operatorNamed(name: string): OperatorName | undefined {
  const plain = name.trim().toLowerCase();
  if (Object.hasOwn(aliases, plain)) return aliases[plain];
  const canonical = plain.replaceAll(" ", "_");
  return Object.hasOwn(operands, canonical) ? (canonical as OperatorName) : undefined;
}
