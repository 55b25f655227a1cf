import { defineTables } from "@bk/db";

/** The tables that the processes write to. */
export const tables = defineTables({
  counter: { id: { primary: 1 }, n: { type: "int" }, price: { type: "decimal" }, version: { type: "int" }, members: { type: "set" } },
  ticket: { id: { primary: 1 }, owner: {} },
  user: { id: { primary: 1 }, mail: { unique: 1 } },
  item: { id: { primary: 1 }, place: { index: 1 }, rank: { type: "int", index: 2 }, moves: { type: "int" } },
  // Under one hash key, where every driver with transactions takes several rows.
  account: { bank: { primary: 1 }, id: { primary: 2 }, balance: { type: "int" }, seen: { type: "bool" } },
});
