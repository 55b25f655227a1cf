// The `name=value` words of commands.

import { BkError } from "@bk/core";

/** @throws BkError `invalid` for a word without `=` */
export function pairOf(word: string): [name: string, value: string] {
  const at = word.indexOf("=");
  if (at < 1)
    throw new BkError("invalid", `${JSON.stringify(word.slice(0, 60))} must be name=value`, { detail: { field: word.slice(0, 60) } });
  return [word.slice(0, at), word.slice(at + 1)];
}
