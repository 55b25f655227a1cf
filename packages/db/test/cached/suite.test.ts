// The whole behaviour suite with every table cached, also for keys without a row: a cache changes no answer.

import { randomUUID } from "node:crypto";

import { openDb, type TableDefinition } from "@bk/db";
import { testDriver } from "@bk/db/testing";

import { FakeCache } from "./fake-cache.js";

function cached(definition: TableDefinition): TableDefinition {
  const isPlain = !("$columns" in definition);
  const columns = isPlain ? definition : definition.$columns;
  const settings = isPlain ? {} : (definition.$settings as object);
  return {
    $columns: columns,
    $settings: { ...settings, cached: { missTtlMs: 60_000 } },
  } as TableDefinition;
}

testDriver({
  id: "memory, cached",
  async openStore() {
    const url = `memory:${randomUUID()}`;
    const store = new FakeCache();
    return {
      openDb: (options) => {
        const tables = Object.fromEntries(Object.entries(options.tables).map(([name, table]) => [name, cached(table)]));
        return openDb({ ...options, tables, url, cache: { store } });
      },
      clean: async () => undefined,
    };
  },
});
