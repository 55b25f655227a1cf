// Carries commands out on whatever connection it is given.

import type { Reply, Values } from "../../driver.js";
import type { SqlCommand, SqlDefine, SqlInspect } from "../../engines/sql/command.js";
import { sharedValues, uniqueConflict } from "../../engines/sql/unique-conflict.js";
import { isStalePlan, isThereAlready, sqlState, takenColumns } from "./errors.js";
import type { Step, StepResult } from "./exchange.js";
import { type GroupForm, groupForm } from "./group.js";
import { givesOld, replyGivingOld, replyOf, statementName, stepFor, stepsGivingOld, type WriteGivingOld } from "./statements.js";

/** Sends steps over a connection, as one transaction. */
export type RunSteps = (steps: readonly Step[]) => Promise<readonly StepResult[]>;

/** Where commands are carried out: on whatever connection is free, or on that of a transaction. */
export interface Place {
  /** Sends what reads or defines. */
  readonly run: RunSteps;
  /** Sends what writes. Inside a transaction a write that fails undoes itself alone. */
  readonly write: RunSteps;
  /** Lends one connection for several exchanges. */
  readonly hold: <Result>(work: (run: RunSteps) => Promise<Result>) => Promise<Result>;
  /** In a transaction that goes on, and that may be rolled back. */
  readonly inside: boolean;
}

export interface Executor {
  execute(command: SqlCommand, values: Values, place: Place): Promise<Reply>;
  executeGroup(command: SqlCommand, group: readonly Values[], place: Place): Promise<readonly Reply[]>;
}

/** Gives an executor, which keeps the group forms of the commands that it has met. */
export function executor(): Executor {
  const forms = new WeakMap<SqlCommand, { readonly form: GroupForm | undefined }>();

  function formOf(command: SqlCommand): GroupForm | undefined {
    let found = forms.get(command);
    if (found === undefined) forms.set(command, (found = { form: groupForm(command, statementName) }));
    return found.form;
  }

  async function execute(command: SqlCommand, values: Values, place: Place): Promise<Reply> {
    switch (command.kind) {
      case "read":
      case "write":
        if (givesOld(command)) return (await writeGivingOld(command, [values], place))[0]!;
        return replyOf(command, (await runAgain(runnerOf(command, place), place, [stepFor(command, values)]))[0]!);
      case "define":
        return define(command, place);
      case "inspect":
        return inspect(command, place);
    }
  }

  async function executeGroup(command: SqlCommand, group: readonly Values[], place: Place): Promise<readonly Reply[]> {
    const form = formOf(command);
    if (form !== undefined) {
      const { steps, read } = form(group, place.inside);
      return read(await runAgain(runnerOf(command, place), place, steps));
    }
    if (givesOld(command)) return writeGivingOld(command, group, place);
    if (command.kind !== "read" && command.kind !== "write") return Promise.all(group.map((values) => execute(command, values, place)));
    const results = await runAgain(
      runnerOf(command, place),
      place,
      group.map((values) => stepFor(command, values)),
    );
    return results.map((result) => replyOf(command, result));
  }

  return {
    execute: (command, values, place) =>
      command.kind === "read" ? execute(command, values, place) : naming(command, execute(command, values, place)),
    executeGroup: (command, group, place) =>
      command.kind === "read" ? executeGroup(command, group, place) : naming(command, executeGroup(command, group, place)),
  };
}

/** An error about a taken value says which group's it is. */
async function naming<Result>({ shape }: SqlCommand, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (sqlState(error) !== "23505") throw error;
    if (shape.verb === "define" && shape.step.kind === "index") throw sharedValues(shape.table, shape.step.index, error);
    throw uniqueConflict(shape.table, { columns: takenColumns(error), name: (error as { constraint?: string }).constraint }, error);
  }
}

/** What a call inside a transaction begins with, so that it can be undone alone; and how it is undone, and kept. */
export const savepoint = unnamed("SAVEPOINT bk_call");
export const undoCall: readonly Step[] = [unnamed("ROLLBACK TO bk_call"), unnamed("RELEASE bk_call")];
export const keepCall = unnamed("RELEASE bk_call");

const begin = { outside: unnamed("BEGIN"), inside: savepoint };
const undo = { outside: [unnamed("ROLLBACK")], inside: undoCall };
const keep = { outside: [unnamed("COMMIT")], inside: [keepCall] };

/** Tries until no row comes between reading the rows before and writing. */
function writeGivingOld(command: WriteGivingOld, group: readonly Values[], place: Place): Promise<readonly Reply[]> {
  const kind = place.inside ? "inside" : "outside";
  const steps = [begin[kind], ...group.flatMap((values) => stepsGivingOld(command, values))];
  return place.hold(async (run) => {
    for (let wasStale = false; ;) {
      let results: readonly StepResult[];
      try {
        [, ...results] = await run(steps);
      } catch (error) {
        // Inside a transaction its owner undoes the call; a lost connection has nothing to undo.
        if (place.inside || sqlState(error) === undefined) throw error;
        await run(undo.outside);
        if (wasStale || !isStalePlan(error)) throw error;
        wasStale = true;
        continue;
      }
      const replies = group.map((_, i) => replyGivingOld(command, results[2 * i]!, results[2 * i + 1]!));
      const isWhole = replies.every((reply) => reply !== undefined);
      await run(isWhole ? keep[kind] : undo[kind]);
      if (isWhole) return replies;
    }
  });
}

function runnerOf(command: SqlCommand, place: Place): RunSteps {
  return command.kind === "write" ? place.write : place.run;
}

/** The server may have forgotten a statement, behind a proxy or after a change of its table: then it is prepared again. */
async function runAgain(run: RunSteps, { inside }: Place, steps: readonly Step[]): Promise<readonly StepResult[]> {
  try {
    return await run(steps);
  } catch (error) {
    // The transaction may have been ended by it.
    if (inside || !isStalePlan(error)) throw error;
    return run(steps.map((step) => ({ ...step, name: undefined, once: false })));
  }
}

/** Two processes that make the same thing at once take turns: IF NOT EXISTS alone lets both begin, and one fail. */
const lock = unnamed("SELECT pg_advisory_xact_lock(1651206514, hashtext(current_schema()))");

async function define({ texts }: SqlDefine, { run }: Place): Promise<Reply> {
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

async function inspect({ statements, read }: SqlInspect, { run }: Place): Promise<Reply> {
  const results = await run(statements.map((text) => unnamed(text)));
  return { rows: [], affected: 0, stored: read(results.map(({ rows }) => rows)) };
}

/** A step that is parsed each time. */
export function unnamed(text: string): Step {
  return { text, name: undefined, values: [] };
}
