import { operatorOf, type Operator } from "@bk/db";

/** Patterns by regular expression are not served: whoever writes one decides how long it takes. */
const withheld: ReadonlySet<Operator> = new Set<Operator>(["regexp", "not_regexp", "iregexp", "not_iregexp"]);

/** The operator of a name or alias, any case; undefined when it is not served. */
export function operatorNamed(name: string): Operator | undefined {
  const operator = operatorOf(name);
  return operator === undefined || withheld.has(operator) ? undefined : operator;
}
