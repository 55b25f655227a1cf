// What the SQL compiler gives to SQL drivers: text that depends on the shape alone, and which value goes to which placeholder.

import type { Slot } from "../../reference/condition.js";
import type {
  AggregateShape,
  DefineShape,
  DeleteShape,
  GetShape,
  InspectShape,
  PutShape,
  SelectShape,
  StoredTable,
  UpdateShape,
  Value,
  Values,
} from "../../driver.js";

/** One statement. `slots` has the slot of each placeholder, in order. */
export interface SqlStatement {
  readonly text: string;
  readonly slots: readonly Slot[];
  /** The slots are 0, 1, 2 …: the values of a call can be bound as they are. */
  readonly inOrder: boolean;
  /** Place in `slots` of the full-text query, which `SqlDialect.search` translates when it is bound; −1: there is none. */
  readonly search: number;
}

/** Gives rows in the order of the shape's columns, or of its groups and aggregates. */
export interface SqlRead {
  readonly kind: "read";
  readonly shape: GetShape | SelectShape | AggregateShape;
  /** The statement for the first page: no position, or one without nulls. */
  readonly statement: SqlStatement;
  /** Where the text depends on more than the shape (see `keyset.ts`): gives, and keeps, the statement for these values. */
  readonly choose: ((values: Values) => SqlStatement) | undefined;
  /** Makes the row of the shape of what the statement gives, where that gives a value in parts. */
  readonly gather: ((row: Values) => Values) | undefined;
}

/** Changes rows. */
export interface SqlWrite {
  readonly kind: "write";
  readonly shape: PutShape | UpdateShape | DeleteShape;
  readonly statement: SqlStatement;
  /** Gives the rows before the change; it runs first, in one transaction with `statement`. */
  readonly before: SqlStatement | undefined;
  /** `statement` gives the changed rows, in order of the table's columns. */
  readonly givesRows: boolean;
}

/** Makes something that is missing. Each text runs on its own, in order. */
export interface SqlDefine {
  readonly kind: "define";
  readonly shape: DefineShape;
  readonly texts: readonly string[];
}

/** Asks the engine's catalog; `read` makes one answer of the rows of all statements. */
export interface SqlInspect {
  readonly kind: "inspect";
  readonly shape: InspectShape;
  readonly statements: readonly string[];
  readonly read: (results: readonly (readonly (readonly Value[])[])[]) => StoredTable | undefined;
}

export type SqlCommand = SqlRead | SqlWrite | SqlDefine | SqlInspect;

/** The values of a statement in the order of its placeholders. */
export function bindValues(statement: SqlStatement, values: Values, search?: (query: string) => string | undefined): Values {
  if (statement.inOrder && values.length === statement.slots.length && statement.search < 0) return values;
  const { slots } = statement;
  const bound = new Array<Value>(slots.length);
  for (let i = 0; i < slots.length; i++) bound[i] = values[slots[i]!] as Value;
  if (statement.search >= 0) bound[statement.search] = search?.(bound[statement.search] as string) ?? null;
  return bound;
}

/** The texts of a command, for `explain`: one text, or a list where it takes several statements. */
export function describeCommand(command: SqlCommand): string | readonly string[] {
  switch (command.kind) {
    case "read":
      return command.statement.text;
    case "write":
      return command.before === undefined ? command.statement.text : [command.before.text, command.statement.text];
    case "define":
      return command.texts.length === 1 ? command.texts[0]! : command.texts;
    case "inspect":
      return command.statements.length === 1 ? command.statements[0]! : command.statements;
  }
}
