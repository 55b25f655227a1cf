// A server of which only the connection says what it can do, as with a MongoDB that may stand alone, or OpenSearch: before, the
// driver claims the least; connected, nearly everything.

import type { Driver } from "@bk/db";
import { leastCapabilities } from "@bk/db/testing";

import { copyingCodec as codec } from "../../../src/engines/copying-codec.js";
import type { MemoryCommand } from "../../../src/drivers/memory/compile.js";
import type { Capabilities, MemberReply } from "../../../src/driver.js";
import { allChanges, allFilters, scalarKinds } from "../../../src/engines/core-filters.js";
import { classify, type MapEngine, turn } from "../map-engine.js";

/** What the server turns out to do. */
export const found = {
  filters: allFilters,
  guards: allFilters,
  sorts: scalarKinds,
  changes: allChanges,
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  byFilter: true,
  aggregates: { count: true, of: {}, by: [] },
  group: { get: { most: 100, outcome: "whole" }, put: { most: 100, outcome: "each" } },
  unique: "engine",
} satisfies Partial<Capabilities>;

/** @param connect  rejects when the server cannot be reached */
export function lateConnectDriver(
  engine: MapEngine,
  clock: { now(): number },
  connect: () => void | Promise<void> = () => undefined,
): Driver<MemoryCommand> {
  let isConnected = false;
  return {
    name: "late-connect",
    capabilities: leastCapabilities,
    codec,
    async connect() {
      await turn();
      await connect();
      isConnected = true;
      return { capabilities: found, server: "late 1.0" };
    },
    compile(shape) {
      if (!isConnected) throw new Error("compiled before it was connected");
      return engine.compile(shape);
    },
    describe: ({ shape }) => ({ verb: shape.verb, table: shape.table.name }),
    classify,
    async execute(command, values) {
      await turn();
      await engine.before(command.shape, values);
      return engine.carryOut(command, values, clock.now());
    },
    async executeGroup(command, members) {
      await turn();
      const one = (values: (typeof members)[number]): MemberReply => {
        try {
          return engine.carryOut(command, values, clock.now());
        } catch (error) {
          return { error };
        }
      };
      return members.map(one);
    },
    close: async () => undefined,
  };
}
