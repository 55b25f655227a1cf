// A service as D1 is: it takes 100 values a statement, groups of which each member succeeds or fails by itself, pages that
// end at a mark of its own, and answers from a copy that may be late unless the latest rows are asked for.

import type { Driver, Shape, Value, Values } from "@bk/db";
import { leastCapabilities } from "@bk/db/testing";

import { copyingCodec as codec } from "../../../src/engines/copying-codec.js";
import type { MemoryCommand } from "../../../src/drivers/memory/compile.js";
import type { Capabilities, GroupLimit, MemberReply, Reply } from "../../../src/driver.js";
import { bytesOf } from "../../../src/execute/parts.js";
import { allChanges, allFilters, scalarKinds } from "../../../src/engines/core-filters.js";
import { testsOf } from "../../../src/reference/condition.js";
import { classify, type MapEngine, turn } from "../map-engine.js";

const mostValues = 100;
/** Rows of one reply; more come from the mark on. */
const mostRows = 7;
const mostBytes = 300;
const group: GroupLimit = { most: 10, bytes: mostBytes, outcome: "each" };
/** Rows of several partitions lie with several machines. */
const ofOnePartition: GroupLimit = { most: 10, outcome: "each", within: "partition" };

export const capabilities: Capabilities = Object.freeze({
  ...leastCapabilities,
  filters: allFilters,
  guards: allFilters,
  sorts: scalarKinds,
  changes: allChanges,
  aggregates: { count: true, of: {}, by: [] },
  group: { get: ofOnePartition, put: group, update: group, delete: group },
  unique: "engine",
  sees: { get: "asked", select: "asked", index: "asked" },
  paging: "cursor",
  limits: { values: mostValues },
} satisfies Capabilities);

export interface PartialCommand {
  readonly shape: Shape;
  readonly inner: MemoryCommand;
  /** How many values the statement binds. */
  readonly bound: number;
}

export function partialGroupsDriver(engine: MapEngine, clock: { now(): number }): Driver<PartialCommand> {
  async function execute({ shape, inner, bound }: PartialCommand, values: Values): Promise<Reply> {
    if (bound > mostValues) throw new Error(`${bound} values, and a statement takes ${mostValues}`);
    await engine.before(shape, values);
    return shape.verb === "select" ? page(shape, inner, values) : engine.carryOut(inner, values, clock.now());
  }

  /** The rows after the mark, with a new mark behind the last of them. */
  function page(shape: Extract<Shape, { verb: "select" }>, inner: MemoryCommand, values: Values): Reply {
    const { columns, order, cursor, limit } = shape;
    const asked = limit === undefined ? mostRows : Math.min(Number(values[limit]), mostRows);
    const bindings = [...values];
    // One row more tells whether there are others.
    if (limit !== undefined) bindings[limit] = asked + 1;
    if (cursor !== undefined) bindings.splice(cursor, 1, ...positionOf(String(values[cursor])));
    const { rows } = engine.carryOut(inner, bindings);
    const shown = rows.slice(0, asked);
    const last = shown.at(-1)?.slice(columns.length);
    return {
      rows: shown.map((row) => row.slice(0, columns.length)),
      affected: 0,
      ...(rows.length > asked && last !== undefined ? { cursor: markAt(last, order.length) } : {}),
    };
  }

  return {
    name: "partial-groups",
    capabilities,
    codec,
    compile: (shape) => ({ shape, inner: engine.compile(pageable(shape)), bound: valuesBy(shape) }),
    describe: ({ shape }) => ({ verb: shape.verb, table: shape.table.name }),
    classify,
    async execute(command, values) {
      await turn();
      return execute(command, values);
    },
    async executeGroup(command, members) {
      await turn();
      checkGroup(command.shape, members);
      return Promise.all(members.map((values): Promise<MemberReply> => execute(command, values).catch((error: unknown) => ({ error }))));
    },
    close: async () => undefined,
  };
}

/** What a request of several members may not carry it is not sent. */
function checkGroup(shape: Shape, members: readonly Values[]): void {
  if (shape.verb === "get") {
    const partitions = new Set(members.map((values) => values[shape.key[0]!]));
    if (partitions.size > 1) throw new Error(`a request for ${partitions.size} partitions`);
  } else {
    const bytes = members.reduce((sum, values) => sum + bytesOf(values), 0);
    if (bytes > mostBytes) throw new Error(`a request of ${bytes} bytes`);
  }
}

/** The values that a statement of a shape binds: those of what it evaluates, not those that the core keeps for itself. */
function valuesBy(shape: Shape): number {
  const slots = (condition: Parameters<typeof testsOf>[0]): number =>
    [...testsOf(condition)].reduce((sum, test) => sum + test.slots.length, 0);
  switch (shape.verb) {
    case "get":
      return shape.key.length;
    case "select":
    case "aggregate":
      return slots(shape.filter) + 2;
    case "put":
      return shape.row.length + slots(shape.over);
    case "update":
      return shape.key.length + shape.changes.length + slots(shape.guard);
    case "delete":
      return shape.key.length + slots(shape.guard);
    case "define":
    case "inspect":
      return 0;
  }
}

/** A select that gives the columns of its order too, and goes on after a position where the mark is. */
function pageable(shape: Shape): Shape {
  if (shape.verb !== "select") return shape;
  const { columns, order, cursor } = shape;
  const { cursor: _mark, ...rest } = shape;
  const sorted = order.map(({ column }) => column);
  return { ...rest, columns: [...columns, ...sorted], after: cursor === undefined ? undefined : sorted.map((_column, i) => cursor + i) };
}

function markAt(position: Values, length: number): string {
  return JSON.stringify(position.slice(0, length), (_name, value: unknown) =>
    typeof value === "bigint" ? { int64: String(value) } : value,
  );
}

function positionOf(mark: string): Values {
  return (JSON.parse(mark) as (Value | { int64: string })[]).map((value) =>
    typeof value === "object" && value !== null && "int64" in value ? BigInt(String(value.int64)) : (value as Value),
  );
}
