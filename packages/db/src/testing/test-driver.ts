// The behaviour suite: what @bk/db promises of every driver.

import { describe } from "vitest";

import { aggregateCalls } from "./topics/aggregate-calls.js";
import { aggregates } from "./topics/aggregates.js";
import { calls } from "./topics/calls.js";
import { checkReferences } from "./topics/check-refs.js";
import { changes } from "./topics/changes.js";
import { columns } from "./topics/columns.js";
import { filterGroups } from "./topics/filter-groups.js";
import { filters } from "./topics/filters.js";
import { joins } from "./topics/joins.js";
import { keys } from "./topics/keys.js";
import { many } from "./topics/many.js";
import { openTables } from "./topics/open-tables.js";
import { pages } from "./topics/pages.js";
import { relatedFilters } from "./topics/related-filters.js";
import { relationSeams } from "./topics/relation-seams.js";
import { relations } from "./topics/relations.js";
import { olderRows } from "./topics/older-rows.js";
import { rolling } from "./topics/rolling.js";
import { rows } from "./topics/rows.js";
import { scopeColumns } from "./topics/scope-columns.js";
import { scopes } from "./topics/scopes.js";
import { nearness } from "./topics/near.js";
import { search } from "./topics/search.js";
import { softDelete } from "./topics/soft-delete.js";
import { sync } from "./topics/sync.js";
import { textFilters } from "./topics/text-filters.js";
import { tracing } from "./topics/tracing.js";
import { transactions } from "./topics/transactions.js";
import { ttl } from "./topics/ttl.js";
import { seams } from "./topics/seams.js";
import { unique } from "./topics/unique.js";
import { values } from "./topics/values.js";
import { type DriverUnderTest, Suite } from "./suite.js";

const topics = [
  values,
  keys,
  rows,
  changes,
  filters,
  textFilters,
  filterGroups,
  pages,
  aggregates,
  aggregateCalls,
  many,
  transactions,
  seams,
  unique,
  ttl,
  scopes,
  scopeColumns,
  softDelete,
  joins,
  relations,
  relationSeams,
  relatedFilters,
  checkReferences,
  openTables,
  columns,
  calls,
  tracing,
  sync,
  rolling,
  olderRows,
  search,
  nearness,
];

/**
 * Registers the tests that every driver of @bk/db passes, under `describe("driver: <id>")`. Call it in a vitest file.
 *
 * What a driver does not claim in its capabilities is called all the same: the core emulates it with the same result,
 * or the call is `unsupported`.
 *
 * @param driver  its id, how a clean store on it is opened, and its known defects
 */
export function testDriver(driver: DriverUnderTest): void {
  describe(`driver: ${driver.id}`, () => {
    const suite = new Suite(driver);
    for (const topic of topics) topic(suite);
    suite.end();
  });
}
