import fc from "fast-check";
import { expect, it } from "vitest";

import { FirstOf } from "./first-of.js";

it("keeps the first items of an order, equal ones as they came", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat())), fc.integer({ min: 1, max: 8 }), (items, most) => {
      const compare = (a: readonly [number, number], b: readonly [number, number]): number => a[0] - b[0];
      const first = new FirstOf(most, compare);
      for (const item of items) first.add(item);
      expect(first.items).toEqual(items.toSorted(compare).slice(0, most));
    }),
  );
});
