import { describe, expect, it } from "vitest";

import { type Fixture, isWanted } from "../fixtures.js";
import { checkModel, report } from "./check.js";

/**
 * Registers the model check of a driver: `BK_MODEL_STEPS` steps from `BK_MODEL_SEED` (default 1).
 *
 * @param lanes  rounds that run side by side: several for a server that lets each caller wait
 * @param usual  steps of an ordinary run: fewer for another server of a driver that has its 20,000 elsewhere
 */
export function testModel(fixture: Fixture, lanes = 1, usual = 20_000): void {
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  const quick = process.env["BK_TEST_QUICK"] === "1";
  const steps = Number(process.env["BK_MODEL_STEPS"] ?? (quick ? 3000 : usual));
  const seed = Number(process.env["BK_MODEL_SEED"] ?? 1);
  describe(`driver: ${fixture.name}`, () => {
    it(`does what the model does, in ${steps} random steps from seed ${seed}`, { timeout: 1_200_000 }, async () => {
      const disagreement = await checkModel({ fixture, steps, seed, lanes });
      if (disagreement !== undefined) expect.fail(report(fixture.name, disagreement));
    });
  });
}
