import { defineTables, table } from "@bk/db";

export const tables = defineTables({
  counter: table({ id: { primary: 1 }, n: { type: "int64", value: 0n }, data: { type: "json" } }, { cached: { missTtlMs: 60_000 } }),
});
