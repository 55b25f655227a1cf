import { availableParallelism } from "node:os";

import { integer, type OptionType } from "@bk/core";

/** A number of processes. */
export const workerCount: OptionType<number> = {
  mustBe: "auto, or an integer from 0 to 256",
  read: (given) => (given === "auto" ? Math.max(1, availableParallelism() - 1) : integer({ max: 256 }).read(given)),
};
