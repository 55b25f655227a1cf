// From commands to what is sent: each statement gets the name under which connections keep it prepared, once.

import { createHash } from "node:crypto";
import type { Reply, Value, Values } from "../../driver.js";
import { bindValues, type SqlCommand, type SqlRead, type SqlStatement, type SqlWrite } from "../../sql/command.js";
import type { Step, StepResult } from "./exchange.js";
import { searchText } from "./search.js";

/** The name of a text, the same in every process, so that a proxy may share what is prepared. */
export function statementName(text: string): string {
  return `bk_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
}

const names = new WeakMap<SqlStatement, string>();

function stepOf(statement: SqlStatement, values: Values): Step {
  let name = names.get(statement);
  if (name === undefined) names.set(statement, (name = statementName(statement.text)));
  return { text: statement.text, name, values: bindValues(statement, values, searchText) };
}

/** The steps of a command that reads or writes rows. */
export function stepsOf(command: SqlRead | SqlWrite, values: Values): readonly Step[] {
  if (command.kind === "read") return [stepOf(command.choose === undefined ? command.statement : command.choose(values), values)];
  const step = stepOf(command.statement, values);
  return command.before === undefined ? [step] : [stepOf(command.before, values), step];
}

/** The reply of the results of `stepsOf`. */
export function replyOf(command: SqlRead | SqlWrite, results: readonly StepResult[]): Reply {
  const result = results.at(-1)!;
  if (command.kind === "read") {
    const counts = command.shape.verb === "select" && command.shape.count;
    return { rows: counts ? result.rows.map(([count]): readonly Value[] => [Number(count)]) : result.rows, affected: 0 };
  }
  if (command.before === undefined) return { rows: result.rows, affected: result.affected };
  return { rows: result.affected === 0 ? [] : results[0]!.rows, affected: result.affected };
}

/** The steps of a command for each group of values, and how many one of them has. */
export function isRows(command: SqlCommand): command is SqlRead | SqlWrite {
  return command.kind === "read" || command.kind === "write";
}
