// A store of documents, as CouchDB or Elasticsearch are: each row has a version that changes with every write, which is all
// that a write can depend on. It filters and sorts, but counts nothing, changes nothing by itself and knows no unique value.

import type { Driver, Shape, Values } from "@bk/db";
import { leastCapabilities } from "@bk/db/testing";

import { copyingCodec as codec } from "../../../src/engines/copying-codec.js";
import { keyText } from "../../../src/drivers/memory/store.js";
import type { MemoryCommand } from "../../../src/drivers/memory/compile.js";
import type { Capabilities, Reply } from "../../../src/driver.js";
import { allFilters, scalarKinds } from "../../../src/engines/core-filters.js";
import { isAlways, isNever } from "../../../src/reference/condition.js";
import type { Table } from "../../../src/schema/table.js";
import { classify, type MapEngine, turn } from "../map-engine.js";

export const capabilities: Capabilities = Object.freeze({
  ...leastCapabilities,
  filters: allFilters,
  guards: "version",
  versions: true,
  sorts: scalarKinds,
  unique: "claims",
  sees: { get: "always", select: "asked", index: "asked" },
} satisfies Capabilities);

/** A store that several drivers may have open. */
export interface VersionedStore {
  readonly engine: MapEngine;
  /** By table and key. */
  readonly versions: Map<string, number>;
  /** The last version that was given. */
  last: number;
}

export interface VersionedCommand {
  readonly shape: Shape;
  readonly inner: MemoryCommand;
}

const uniqueGroupsOf = new WeakMap<VersionedStore, Set<string>>();

export function versionOnlyDriver(store: VersionedStore): Driver<VersionedCommand> {
  const { engine, versions } = store;
  // The maps would enforce what this store keeps in its notes alone.
  let uniqueGroups = uniqueGroupsOf.get(store)!;
  if (uniqueGroups === undefined) uniqueGroupsOf.set(store, (uniqueGroups = new Set()));

  /** Carries a command out in one step of the engine. */
  function step({ shape, inner }: VersionedCommand, values: Values): Reply {
    if (shape.verb === "get") {
      const reply = engine.carryOut(inner, values);
      const version = versions.get(idOf(shape, values)) ?? null;
      return shape.version && reply.rows.length > 0 ? { ...reply, versions: [version] } : reply;
    }
    if (shape.verb === "inspect") return withUnique(engine.carryOut(inner, values), shape.table.name, uniqueGroups);
    if (shape.verb !== "put" && shape.verb !== "update" && shape.verb !== "delete") return engine.carryOut(inner, values);
    const id = idOf(shape, values);
    if (shape.ifVersion !== undefined && values[shape.ifVersion] !== (versions.get(id) ?? null)) return { rows: [], affected: 0 };
    const reply = engine.carryOut(inner, values);
    if (reply.affected > 0) {
      if (shape.verb === "delete") versions.delete(id);
      else versions.set(id, ++store.last);
    }
    return reply;
  }

  return {
    name: "version-only",
    capabilities,
    codec,
    compile(shape) {
      refuseGuards(shape);
      const table = withoutUnique(shape.table);
      if (shape.verb === "define" && shape.step.kind === "index" && shape.step.index.unique) {
        const { index } = shape.step;
        uniqueGroups.add([table.name, ...index.columns.map(({ name }) => name)].join());
        return { shape, inner: engine.compile({ ...shape, table, step: { kind: "index", index: { ...index, unique: false } } }) };
      }
      return { shape, inner: engine.compile({ ...shape, table }) };
    },
    describe: ({ shape }) => ({ verb: shape.verb, table: shape.table.name }),
    classify,
    async execute(command, values) {
      await turn();
      await engine.before(command.shape, values);
      return step(command, values);
    },
    close: async () => undefined,
  };
}

function withUnique(reply: Reply, table: string, names: ReadonlySet<string>): Reply {
  if (reply.stored === undefined) return reply;
  const indexes = new Map(reply.stored.indexes);
  for (const [name, index] of reply.stored.indexes)
    if (names.has([table, ...index.columns].join())) indexes.set(`${name}, unique`, { ...index, unique: true });
  return { ...reply, stored: { ...reply.stored, indexes } };
}

function idOf({ table, key }: Extract<Shape, { key: unknown }>, values: Values): string {
  return `${table.name} ${keyText(key.map((slot) => values[slot] ?? null))}`;
}

/** What it cannot do it is not asked to do. */
function refuseGuards(shape: Shape): void {
  if (shape.verb !== "get" && "guard" in shape && shape.guard !== undefined && !isAlways(shape.guard))
    throw new Error("a guard, and there are none but versions");
  if (shape.verb === "put" && !isAlways(shape.over) && !isNever(shape.over)) throw new Error("a put that depends on the row that is there");
  if (shape.verb === "update" && shape.changes.some(({ op }) => op !== "set")) throw new Error("a change that must be computed");
}

const plain = new WeakMap<Table, Table>();

function withoutUnique(table: Table): Table {
  let without = plain.get(table);
  if (without === undefined) plain.set(table, (without = { ...table, uniques: [] }));
  return without;
}
