import { expect, it } from "vitest";

import { slotOf } from "./slots.js";

it("gives the slots that Redis gives", () => {
  // By CLUSTER KEYSLOT of Redis 7.
  const slots = {
    "": 0,
    "123456789": 12_739,
    foo: 12_182,
    "{user1000}.following": 3443,
    "foo{}{bar}": 8363,
    "foo{{bar}}zap": 4015,
    "ünï→😀": 8186,
  };
  for (const [key, slot] of Object.entries(slots)) expect(slotOf(key), key).toBe(slot);
});
