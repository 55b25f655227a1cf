// Carries commands out on whatever connection it is given.

import type { Reply, Value, Values } from "../../driver.js";
import type { SqlCommand, SqlDefine, SqlInspect } from "../../sql/command.js";
import { isStalePlan, isThereAlready } from "./errors.js";
import type { Step, StepResult } from "./exchange.js";
import { type GroupForm, groupForm } from "./group.js";
import { isRows, replyOf, statementName, stepsOf } from "./statements.js";

/** Sends steps over a connection, as one transaction. */
export type RunSteps = (steps: readonly Step[]) => Promise<readonly StepResult[]>;

export interface Executor {
  execute(command: SqlCommand, values: Values, run: RunSteps): Promise<Reply>;
  executeGroup(command: SqlCommand, group: readonly Values[], run: RunSteps): Promise<readonly Reply[]>;
}

/** Gives an executor, which keeps the group forms of the commands that it has met. */
export function executor(): Executor {
  const forms = new WeakMap<SqlCommand, { readonly form: GroupForm | undefined }>();

  function formOf(command: SqlCommand): GroupForm | undefined {
    let found = forms.get(command);
    if (found === undefined) forms.set(command, (found = { form: groupForm(command, statementName) }));
    return found.form;
  }

  async function execute(command: SqlCommand, values: Values, run: RunSteps): Promise<Reply> {
    switch (command.kind) {
      case "read":
      case "write":
        return replyOf(command, await runAgain(run, stepsOf(command, values)));
      case "define":
        return define(command, run);
      case "inspect":
        return inspect(command, run);
    }
  }

  async function executeGroup(command: SqlCommand, group: readonly Values[], run: RunSteps): Promise<readonly Reply[]> {
    const form = formOf(command);
    if (form !== undefined) {
      const { steps, read } = form(group);
      return read(await runAgain(run, steps));
    }
    if (!isRows(command)) return Promise.all(group.map((values) => execute(command, values, run)));
    const members = group.map((values) => stepsOf(command, values));
    const results = await runAgain(run, members.flat());
    const size = members[0]?.length ?? 1;
    return group.map((_, i) => replyOf(command, results.slice(i * size, (i + 1) * size)));
  }

  return { execute, executeGroup };
}

/** The server may have forgotten a statement, behind a proxy or after a change of its table: then it is told it again. */
async function runAgain(run: RunSteps, steps: readonly Step[]): Promise<readonly StepResult[]> {
  try {
    return await run(steps);
  } catch (error) {
    if (!isStalePlan(error)) throw error;
    return run(steps.map((step) => ({ ...step, name: undefined })));
  }
}

const unnamed = (text: string, values: readonly Value[] = []): Step => ({ text, name: undefined, values });

/** Two processes that make the same thing at once take turns: IF NOT EXISTS alone lets both begin, and one fail. */
const lock = unnamed("SELECT pg_advisory_xact_lock(1651206514, hashtext(current_schema()))");

async function define({ texts }: SqlDefine, run: RunSteps): Promise<Reply> {
  const steps = [lock, ...texts.map((text) => unnamed(text))];
  try {
    await run(steps);
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    // Made meanwhile by somebody who takes no turns. Now it is there, which the statements find out.
    await run(steps);
  }
  return { rows: [], affected: 0 };
}

async function inspect({ statements, read }: SqlInspect, run: RunSteps): Promise<Reply> {
  const results = await run(statements.map((text) => unnamed(text)));
  return { rows: [], affected: 0, stored: read(results.map(({ rows }) => rows)) };
}
