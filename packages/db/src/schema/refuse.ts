import { DbError } from "../errors.js";
import type { Column } from "./table.js";

/**
 * Throws what a value that breaks a column's rule throws. Messages say what the column takes, never what was given.
 *
 * @param rule  the definition's property that is broken, or `type`; in `detail.rule`
 */
export function refuse(
  column: Column,
  rule: string,
  mustBe: string,
  options: { code?: "invalid" | "too-large"; cause?: unknown } = {},
): never {
  throw new DbError(options.code ?? "invalid", `column ${column.name} ${mustBe}`, {
    column: column.name,
    detail: { rule },
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}
