import { DbError } from "../errors.js";
import type { Column } from "./table.js";

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

/** The error of a value that is none of its column's: the store has another type there, or others have written to it. */
export function misfit(column: Column, cause?: unknown): DbError {
  const message = `column ${column.name} holds a stored value that is no ${column.type}; compare the declaration with the store, sync({ dryRun: true }) reports drift`;
  return new DbError("drift", message, { column: column.name, ...(cause === undefined ? {} : { cause }) });
}
