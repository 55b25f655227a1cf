// What native errors mean.

import { meaningOfRedis } from "@bk/core/redis";

import type { Classified } from "../../errors.js";

const words = {
  WRONGTYPE: { code: "drift", outcome: "none", message: "a key of this name holds something else" },
} as const;

/** Says what an error of the client or the server means; undefined when it is not known. */
export function classifyRedis(error: unknown): Classified | undefined {
  return meaningOfRedis(error, words);
}
