// Comparisons and absence on every type, against plain JavaScript on the same rows.

import { expect } from "vitest";

import { refuses } from "../expectations.js";
import type { Suite } from "../suite.js";
import { comparisons, finder, matching, operands, rows, tables } from "./filter-rows.js";

export function filters(suite: Suite): void {
  suite.topic("filters", { tables }, ({ promise }) => {
    const found = finder();

    for (const column of Object.keys(operands)) {
      promise(`${column}: comparisons hold for present values alone`, async ({ db }) => {
        for (const [op, holds] of Object.entries(comparisons(column)))
          for (const operand of operands[column]!)
            expect([op, operand, await found(db, { [column]: { [`$${op}`]: operand } })]).toEqual([
              op,
              operand,
              matching(column, (value) => holds(value, operand as never)),
            ]);
      });

      promise(`${column}: between, in and their opposites`, async ({ db }) => {
        const all = operands[column]!;
        const { eq, ge, le } = comparisons(column);
        for (const [low, high] of [
          [all[0], all[1]],
          [all[1], all[0]],
          [all[0], all[0]],
          [all.at(-1), all[0]],
        ]) {
          const inside = (value: never): boolean => ge!(value, low as never) && le!(value, high as never);
          expect(await found(db, { [column]: { $between: [low, high] } })).toEqual(matching(column, inside));
          expect(await found(db, { [column]: { $not_between: [low, high] } })).toEqual(matching(column, (value) => !inside(value)));
        }
        for (const list of [[], all.slice(0, 1), all.slice(0, 2), all.slice(0, 3), all, [...all, ...all]]) {
          const member = (value: never): boolean => list.some((operand) => eq!(value, operand as never));
          expect(await found(db, { [column]: { $in: list } })).toEqual(matching(column, member));
          expect(await found(db, { [column]: list })).toEqual(matching(column, member));
          expect(await found(db, { [column]: { $not_in: list } })).toEqual(matching(column, (value) => !member(value)));
        }
      });
    }

    promise("a filter that names no column is refused, whatever was asked before", async ({ db }) => {
      for (const asked of [{ n: { $gt: 1 } }, { n: 1, x: 1 }]) for (let i = 0; i < 3; i++) await found(db, asked);
      for (const filter of [{ n$gt: 1 }, { "n;x": 1 }, { "n1:x": 1 }, { n$gt: { $gt: 1 } }, { n: {}, x: 1 }])
        await refuses(db.select("thing", filter as never, { scan: true }), "invalid");
    });

    promise("null and not_null test for absence on every type", async ({ db }) => {
      for (const column of Object.keys(tables.thing).slice(2)) {
        const present = rows.filter((row) => row[column] !== null).map((row) => row["id"]);
        const absent = rows.filter((row) => row[column] === null).map((row) => row["id"]);
        for (const filter of [
          { [column]: null },
          { [column]: { $null: true } },
          { [column]: { $not_null: false } },
          { $not: { [column]: { $not_null: true } } },
        ])
          expect([column, await found(db, filter)]).toEqual([column, absent]);
        for (const filter of [{ [column]: { $not_null: true } }, { [column]: { $null: false } }, { $not: { [column]: null } }])
          expect([column, await found(db, filter)]).toEqual([column, present]);
      }
    });
  });
}
