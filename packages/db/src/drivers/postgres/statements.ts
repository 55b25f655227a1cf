// From commands to what is sent: each statement gets the name under which connections keep it prepared, once.

import { nodeModule } from "@bk/core";
import type { Reply, Values } from "../../driver.js";
import { gathered } from "../../engines/sql/aggregate.js";
import { bindValues, type SqlCommand, type SqlRead, type SqlStatement, type SqlWrite } from "../../engines/sql/command.js";
import type { Step, StepResult } from "./exchange.js";
import { searchText } from "./search.js";

/** The name of a text, the same in every process, so that a proxy may share what is prepared. */
export function statementName(text: string): string {
  return `bk_${nodeModule("node:crypto").createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
}

const names = new WeakMap<SqlStatement, string>();

function stepOf(statement: SqlStatement, values: Values): Step {
  let name = names.get(statement);
  if (name === undefined) names.set(statement, (name = statementName(statement.text)));
  return { text: statement.text, name, values: bindValues(statement, values, searchText) };
}

/** The step of a command that reads or writes rows and does not give them as they were before. */
export function stepFor(command: SqlRead | SqlWrite, values: Values): Step {
  return stepOf(command.kind === "read" && command.choose !== undefined ? command.choose(values) : command.statement, values);
}

export function replyOf(command: SqlRead | SqlWrite, { rows, affected }: StepResult): Reply {
  if (command.kind === "write") return { rows, affected };
  return { rows: gathered(command, rows), affected: 0 };
}

/** A write that gives the row before: the statement that locks and reads it, then the one that writes. */
export type WriteGivingOld = SqlWrite & { readonly before: SqlStatement };

export function givesOld(command: SqlCommand): command is WriteGivingOld {
  return command.kind === "write" && command.before !== undefined;
}

const tellingNames = new WeakMap<SqlStatement, string>();

/** The two steps; where the write may insert, it tells whether there was a row after all. */
export function stepsGivingOld({ shape, before, statement }: WriteGivingOld, values: Values): readonly Step[] {
  const write = stepOf(statement, values);
  if (!mayInsert(shape)) return [stepOf(before, values), write];
  const text = `${write.text} RETURNING xmax <> 0`;
  let name = tellingNames.get(statement);
  if (name === undefined) tellingNames.set(statement, (name = statementName(text)));
  return [stepOf(before, values), { ...write, text, name }];
}

/**
 * The reply of the two results. Undefined when a row came to be, or to match, between the two statements: then it was
 * changed and cannot be given.
 */
export function replyGivingOld({ shape }: WriteGivingOld, before: StepResult, write: StepResult): Reply | undefined {
  if (write.affected === 0) return { rows: [], affected: 0 };
  if (before.rows.length === 0 && (!mayInsert(shape) || write.rows[0]?.[0] === "t")) return undefined;
  return { rows: before.rows, affected: write.affected };
}

function mayInsert(shape: SqlWrite["shape"]): boolean {
  return shape.verb === "put" || (shape.verb === "update" && shape.insert !== undefined);
}
