import { sameValue } from "./compare.js";
import { splitText } from "./join.js";
import type { Join } from "./table.js";

/**
 * Whether `own`, given for a column that is a part of its own join, is the joined text already, as it was read, instead
 * of its part: it splits into the other parts as they are given. Never where reads give the part (`unjoin`).
 *
 * @param partValues  logical values in the order of `join.parts`; that of the column itself does not matter
 */
export function isJoinedText(join: Join, own: unknown, partValues: readonly unknown[]): own is string {
  if (typeof own !== "string" || join.unjoin.includes(join.column)) return false;
  const split = splitText(join, own);
  return join.parts.every((part, i) => (part === join.column ? split[i] !== null : sameValue(part.kind)(split[i], partValues[i])));
}
