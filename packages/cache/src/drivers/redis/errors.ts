// What native errors mean.

import { meaningOfRedis, type RedisMeaning, withoutCommand } from "@bk/core/redis";

import { CacheError } from "../../errors.js";

const none = { outcome: "none" } as const;

const words: Readonly<Record<string, RedisMeaning>> = {
  WRONGTYPE: { code: "invalid", ...none, message: "the key holds something of another kind" },
  NOTANUMBER: { code: "invalid", ...none, message: "the value is not a number" },
  NOTSAFE: { code: "invalid", ...none, message: "the sum would not be a safe integer" },
};

const byText: readonly (readonly [RegExp, RedisMeaning])[] = [
  [/value is not an integer|hash value is not/, { code: "invalid", ...none, message: "the value is not an integer" }],
  [/would overflow/, { code: "invalid", ...none, message: "the sum would not be a safe integer" }],
  [/string exceeds maximum allowed size|too big/i, { code: "too-large", ...none, message: "the value is larger than the server takes" }],
];

/** Says what an error of the client or the server means; undefined when it is not known. */
export function meaningOf(error: unknown): RedisMeaning | undefined {
  const meaning = meaningOfRedis(error, words);
  if (meaning !== undefined || !(error instanceof Error)) return meaning;
  return byText.find(([pattern]) => pattern.test(error.message))?.[1];
}

/** The error of a command that was sent. */
export function commandError(error: unknown): unknown {
  if (error instanceof CacheError) return error;
  const meaning = meaningOf(withoutCommand(error));
  if (meaning === undefined) return error;
  const { code, outcome = "unknown", message = code } = meaning;
  return new CacheError(code, message, { outcome, cause: error });
}
