import { systemClock } from "@bk/core";
import { describe, it } from "vitest";
import { kvDriver } from "../../src/engines/kv/engine.js";
import { arrayStore } from "../../src/testing/array-store.js";
import { checkAgainstMemory } from "../drivers/driver-model.js";

describe("the engine over an ordered store", () => {
  it.each(Array.from({ length: 12 }, (_, i) => i + 1))("answers random commands as the memory driver does (seed %i)", async (seed) => {
    await checkAgainstMemory(kvDriver("arrays", arrayStore(), { clock: systemClock, classify: () => undefined }), seed, 400);
  });
});
