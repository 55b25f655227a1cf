// How values enter a column: closures made once per column, so that a call only runs them.

import { numberChanges, rulesOf, runSchema, textChanges } from "./column-rules.js";
import { refuse } from "./refuse.js";
import type { Column } from "./table.js";
import { elementCheck, kindCheck, typeCheck, type Check } from "./value-checks.js";

export { generatorOf } from "./generated-values.js";

/**
 * The check of values that are written to a column.
 *
 * It takes a caller's value (neither null nor undefined) and gives the logical value: checked by type, changed as the
 * definition says (trim, case, decimals, multiplier), checked by its rules and by its schema, whose output is checked
 * again. What the caller could still change is copied.
 *
 * @throws DbError `invalid`, and `too-large` for a key over its length; with `column` and `detail.rule`
 */
export function checkerOf(column: Column): (value: unknown) => unknown {
  const type = typeCheck(column);
  const rules = rulesOf(column);
  // Text is trimmed before the type looks at its form.
  const changes = textChanges(column);
  const first = changes.length === 0 ? [type] : [kindCheck(column), ...changes, type];
  const { check: schema } = column.definition;
  if (schema === undefined) return sequence([...first, ...numberChanges(column), ...rules]);
  return sequence([...first, ...numberChanges(column), ...rules, (value) => runSchema(column, schema, value), type, ...rules]);
}

/**
 * The check of values in filters: strict by kind, without the rules. Text is trimmed and cased as it was when stored;
 * for operators that look for a part of a string (`begins_with`, `contains`, `like` …) pass `part`, which only cases it.
 * For lists and sets the value is one element; JSON and blobs can be compared with nothing.
 *
 * @throws DbError `invalid` with `column`
 */
export function filterCheckerOf(column: Column, what: "whole" | "part" = "whole"): (value: unknown) => unknown {
  switch (column.kind) {
    case "list":
      return elementCheck(column);
    case "json":
    case "blob":
      return () => refuse(column, "type", "can be tested for absence only");
    case "text":
      return what === "whole" ? sequence([kindCheck(column), ...textChanges(column)]) : partCheck(column);
    default:
      return kindCheck(column);
  }
}

function partCheck(column: Column): Check {
  const check = kindCheck(column);
  if (column.definition.lower) return (value) => (check(value) as string).toLowerCase();
  if (column.definition.upper) return (value) => (check(value) as string).toUpperCase();
  return check;
}

/** Runs checks in order, each on the result of the previous one. */
function sequence(checks: readonly Check[]): Check {
  const [first, second, third, ...rest] = checks;
  if (first === undefined) return (value) => value;
  if (second === undefined) return first;
  if (third === undefined) return (value) => second(first(value));
  if (rest.length === 0) return (value) => third(second(first(value)));
  return sequence([(value) => third(second(first(value))), ...rest]);
}
