// What a write of one row depends on, as the conditions of IF.

import { conjuncts, type Condition, isAlways, isNever, allOf, type Slot, type Test } from "../../reference/condition.js";
import type { Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Table } from "../../schema/table.js";
import { rowTest } from "./rows.js";
import { joined, listBind, pick, piece, type Piece, quoted, sentence, slotBind, versionColumn } from "./statement.js";

export interface Guard {
  readonly clause: Piece;
  /** The clause names the version: it holds for no row that another program has written without one. */
  readonly needsVersion: boolean;
  /** Whether the key, of which IF takes no conditions, is as the condition wants it. */
  allowsKey(values: Values): boolean;
}

/**
 * That there is a row, and `condition` holds for it.
 *
 * @param ifVersion  the slot of the version that it must have beside
 */
export function guardOf(table: Table, key: readonly Slot[], condition: Condition, ifVersion?: Slot): Guard {
  if (isNever(condition)) return { clause: piece("IF EXISTS"), needsVersion: false, allowsKey: () => false };
  const tests = conjuncts(condition).map(plainTest);
  const ofKey = tests.filter(({ column }) => column.isKey);
  const rest = tests.filter(({ column }) => !column.isKey).flatMap(conditionsOf);
  const version = ifVersion === undefined ? piece(`${versionColumn} != null`) : versionIs(ifVersion);
  const needsVersion = rest.length > 0 || ifVersion !== undefined;
  // Conditions such as `a = null` hold for a row that is not there, and would make it.
  const clause = needsVersion ? sentence("IF", joined([version, ...rest], " AND ")) : piece("IF EXISTS");
  const holds = isAlways(allOf(ofKey)) ? undefined : rowTest(table.key, allOf(ofKey));
  return { clause, needsVersion, allowsKey: (values) => holds === undefined || holds(pick(key, values), values) };
}

export function versionIs(slot: Slot): Piece {
  return piece(`${versionColumn} = ?`, (values) => values[slot] ?? null);
}

function plainTest(condition: Condition): Test {
  if (condition.kind === "test") return condition;
  throw new DbError("internal", "a condition that the driver does not claim");
}

const signs: { readonly [op in Test["op"]]?: string } = { eq: "=", same: "=", gt: ">", ge: ">=", lt: "<", le: "<=" };

/** Null is unequal to every value for IF, and a comparison with it is never true for the core. */
function conditionsOf(test: Test): Piece[] {
  const { column, op, slots } = test;
  const name = quoted(column.name);
  const compare = (sign: string, slot: Slot): Piece => piece(`${name} ${sign} ?`, slotBind(column, slot));
  const isPresent = piece(`${name} != null`);
  const sign = signs[op];
  if (sign !== undefined) return [compare(sign, slots[0]!)];
  switch (op) {
    case "ne":
    case "not_in":
      return [isPresent, ...slots.map((slot) => compare("!=", slot))];
    case "in":
      return [piece(`${name} IN ?`, listBind(column, slots))];
    case "between":
      return [compare(">=", slots[0]!), compare("<=", slots[1]!)];
    case "begins_with":
      return [compare(">=", slots[0]!), compare("<", slots[1]!)];
    case "null":
      return [piece(`${name} = null`)];
    case "not_null":
      return [isPresent];
    default:
      throw new DbError("internal", `the operator ${op}, which the driver does not claim`, { column: column.name });
  }
}
