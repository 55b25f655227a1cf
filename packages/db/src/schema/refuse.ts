import { DbError } from "../errors.js";

/** What a refused value was given for: a column, or one element of a list or set. */
export interface Subject {
  readonly name: string;
  readonly isElement?: boolean;
}

/**
 * Throws what a value that breaks a column's rule throws. Messages say what the column takes, never what was given.
 *
 * @param rule  the definition's property that is broken, or `type`; in `detail.rule`
 */
export function refuse(
  { name, isElement }: Subject,
  rule: string,
  mustBe: string,
  options: { code?: "invalid" | "too-large"; cause?: unknown } = {},
): never {
  throw new DbError(options.code ?? "invalid", `${isElement ? "an element of " : ""}column ${name} ${mustBe}`, {
    column: name,
    detail: { rule },
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}
