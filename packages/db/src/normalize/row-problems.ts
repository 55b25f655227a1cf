// A row with several faults is refused once, for all of them: whoever filled a form wants to see every field at fault.

import { DbError } from "../errors.js";

/** One column at fault, in `detail.problems` of the error. */
export interface RowProblem {
  readonly column: string;
  readonly message: string;
}

/** How many columns an error names: rows may have thousands. */
const mostProblems = 20;

/**
 * The error of a row, which names every column at fault in `detail.problems`, the one that was found first in front.
 *
 * @param first    what checking the row threw; given back as it is where it is not about one column
 * @param columns  the columns to look at
 * @param check    checks one of them by itself and throws what is wrong
 */
export function withAllProblems(first: unknown, columns: Iterable<string>, check: (column: string) => void): unknown {
  if (!(first instanceof DbError) || first.column === undefined) return first;
  const problems = new Map<string, string>([[first.column, first.message]]);
  for (const name of new Set(columns)) {
    if (problems.size >= mostProblems) break;
    const problem = problemOf(() => check(name));
    if (problem !== undefined && !problems.has(problem.column)) problems.set(problem.column, problem.message);
  }
  return new DbError(first.code, [...problems.values()].join("; "), {
    column: first.column,
    outcome: first.outcome,
    detail: { ...first.detail, problems: [...problems].map(([column, message]): RowProblem => ({ column, message })) },
    cause: first.cause,
  });
}

function problemOf(check: () => void): RowProblem | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    // What is not about a column is found, and thrown, when this column is the first at fault.
    return error instanceof DbError && error.column !== undefined ? { column: error.column, message: error.message } : undefined;
  }
}
