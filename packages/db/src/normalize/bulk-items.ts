// The form of the items of `bulk`.

import { invalid } from "../errors.js";

/** One item of `bulk`. */
export interface BulkItem {
  readonly op: "add" | "put" | "update" | "incr" | "del";
  readonly table: string;
  readonly row?: unknown;
  readonly key?: unknown;
  readonly options?: object;
}

const bulkOps: ReadonlySet<string> = new Set(["add", "put", "update", "incr", "del"]);

/** Checks the form of a list of bulk items; the list is a new one, of new items. */
export function checkBulkItems(items: unknown): BulkItem[] {
  if (!Array.isArray(items)) throw invalid('bulk takes an array of items { op, table, row } or { op: "del", table, key }');
  return (items as unknown[]).map((item, i) => {
    if (typeof item !== "object" || item === null) throw invalid(`bulk: item ${i} must be an object { op, table, row }`);
    const { op, table } = item as Record<string, unknown>;
    if (typeof op !== "string" || !bulkOps.has(op))
      throw invalid(`bulk: item ${i} has an unknown op; there are ${[...bulkOps].join(", ")}`);
    if (typeof table !== "string") throw invalid(`bulk: item ${i} names no table`);
    const wanted = op === "del" ? "key" : "row";
    for (const name in item)
      if (name !== wanted && name !== "op" && name !== "table" && name !== "options")
        throw invalid(`bulk: item ${i} has the unknown member ${JSON.stringify(name.slice(0, 50))}; ${op} takes ${wanted} and options`);
    return { ...item } as BulkItem;
  });
}
