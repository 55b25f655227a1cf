// What an engine evaluates itself of a filter or a guard, and what is left for the core.

import type { Capabilities, KindOps } from "../driver.js";
import { allOf, type Condition, hasRelated, isAlways } from "../reference/condition.js";
import type { Column } from "../schema/table.js";

/** What a command may still hold. */
interface Room {
  tests: number;
  values: number;
}

/**
 * The room for a filter's tests and values.
 *
 * @param uses  how often the command may repeat its values: a select that goes on after a position asks for several ranges
 */
function roomOf({ limits }: Capabilities, uses: number): Room {
  return { tests: limits.tests ?? Infinity, values: limits.values === undefined ? Infinity : Math.floor(limits.values / 2 / uses) };
}

/**
 * Divides what must hold into what the engine evaluates and what is left for the core.
 *
 * @param consumed  tests that the access path carries out
 * @param ofPath    columns of the path; undefined: no path
 * @param uses      how often the command may repeat its values
 */
export function splitFilter(
  tests: readonly Condition[],
  capabilities: Capabilities,
  { consumed, ofPath, uses = 1 }: { consumed?: ReadonlySet<Condition>; ofPath?: ReadonlySet<Column>; uses?: number } = {},
): { pushed: Condition; residual: Condition | undefined } {
  const pushed: Condition[] = [];
  const residual: Condition[] = [];
  const room = roomOf(capabilities, uses);
  // Engines cannot filter by the columns of the path beside it; some can filter by no others.
  const isAllowed = (column: Column): boolean => ofPath === undefined || ofPath.has(column) === (capabilities.filterScope === "path");
  for (const test of tests) {
    if (consumed?.has(test)) continue;
    (takes(test, capabilities.filters, capabilities, isAllowed, room) ? pushed : residual).push(test);
  }
  return { pushed: allOf(pushed), residual: residual.length === 0 ? undefined : allOf(residual) };
}

/** Whether a write of one row can be made to depend on a condition. */
export function canGuard(condition: Condition, capabilities: Capabilities): boolean {
  const { guards } = capabilities;
  if (guards === "version") return isAlways(condition);
  return !hasRelated(condition) && takes(condition, guards, capabilities, anyColumn, roomOf(capabilities, 1));
}

/** Whether a read evaluates a condition itself, whatever else is asked. */
export function canFilter(condition: Condition, capabilities: Capabilities): boolean {
  return takes(condition, capabilities.filters, capabilities, anyColumn, roomOf(capabilities, 4));
}

const anyColumn = (): boolean => true;

/** A condition that is taken is taken off the room. */
function takes(
  condition: Condition,
  ops: KindOps,
  capabilities: Capabilities,
  isAllowed: (column: Column) => boolean,
  room: Room,
): boolean {
  const left = { ...room };
  const isTaken = (part: Condition): boolean => {
    if (part.kind === "related") return capabilities.related && part.columns.every(isAllowed) && isTaken(part.condition);
    if (part.kind !== "test") return (part.kind === "and" || capabilities.or) && part.parts.every(isTaken);
    left.tests--;
    left.values -= part.slots.length;
    if (left.tests < 0 || left.values < 0 || part.member !== undefined || !isAllowed(part.column)) return false;
    return part.op === "same" || (ops[part.column.kind]?.includes(part.op) ?? false);
  };
  if (!isTaken(condition)) return false;
  Object.assign(room, left);
  return true;
}
