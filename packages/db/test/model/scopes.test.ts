import { describe, expect, it } from "vitest";

import { fixtures } from "../all-fixtures.js";
import { isWanted } from "../fixtures.js";
import { checkScopes } from "./scopes.js";

/** Steps on engines in this process, and on servers, where each is several round trips; `BK_SCOPE_STEPS` for all. */
const steps = { embedded: 2000, server: 100 };
const seed = Number(process.env["BK_MODEL_SEED"] ?? 1);

for (const fixture of fixtures) {
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    continue;
  }
  describe(`driver: ${fixture.name}`, () => {
    const count = Number(process.env["BK_SCOPE_STEPS"] ?? steps[fixture.env === undefined ? "embedded" : "server"]);
    it(`${count} random calls within a scope do not tell what is outside, from seed ${seed}`, { timeout: 600_000 }, async () => {
      const difference = await checkScopes({ fixture, steps: count, seed });
      if (difference !== undefined) expect.fail(difference);
    });
  });
}
