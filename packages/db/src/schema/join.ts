// Joined columns: one string made of several columns' values. Parts are escaped, so that different parts never join to
// one string, and the text of leading parts is a prefix of exactly the strings that start with these parts.

import { shortestDecimal } from "./decimal.js";
import type { Column, Join, Kind } from "./table.js";

/** Kinds whose values may be a part of a joined column. */
export const joinKinds: readonly Kind[] = ["text", "int", "int64", "real", "decimal", "bool", "time"];

/**
 * The text of a joined column.
 *
 * @param partValues  logical values in the order of `join.parts`
 * @returns           null when a part is absent
 */
export function joinText(join: Join, partValues: readonly unknown[]): string | null {
  let text = "";
  for (let at = 0; at < join.parts.length; at++) {
    const value = partValues[at];
    if (value === null || value === undefined) return null;
    text += at === 0 ? partText(value, join.separator) : join.separator + partText(value, join.separator);
  }
  return text;
}

/**
 * What the joined strings with these leading parts begin with, and no others do. With all parts given it is the whole text.
 *
 * @param leadingPartValues  present logical values of the first parts
 */
export function joinPrefix(join: Join, leadingPartValues: readonly unknown[]): string {
  const text = leadingPartValues.map((value) => partText(value, join.separator)).join(join.separator);
  return leadingPartValues.length > 0 && leadingPartValues.length < join.parts.length ? text + join.separator : text;
}

/** The typed parts of a joined text, in the order of `join.parts`; each null where the text was not made by this join. */
export function splitText(join: Join, text: string): unknown[] {
  const texts = [""];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === join.separator) texts.push("");
    else texts[texts.length - 1] += text[at] === "\\" ? (text[++at] ?? "") : text[at]!;
  }
  if (texts.length !== join.parts.length) return join.parts.map(() => null);
  return join.parts.map((part, at) => partValue(part, texts[at]!));
}

function partText(value: unknown, separator: string): string {
  const text = value instanceof Date ? String(value.getTime()) : String(value);
  if (!text.includes(separator) && !text.includes("\\")) return text;
  return text.replaceAll("\\", "\\\\").replaceAll(separator, () => `\\${separator}`);
}

function partValue(part: Column, text: string): unknown {
  switch (part.kind) {
    case "text":
      return text;
    case "int":
      return integerForm.test(text) ? Number(text) : null;
    case "int64":
      return integerForm.test(text) ? BigInt(text) : null;
    case "real":
      return text !== "" && Number.isFinite(Number(text)) ? Number(text) : null;
    case "decimal":
      return shortestDecimal(text) ?? null;
    case "bool":
      return text === "true" ? true : text === "false" ? false : null;
    case "time":
      return integerForm.test(text) ? new Date(Number(text)) : null;
    case "json":
    case "list":
    case "blob":
      // Refused as parts when tables are compiled.
      return null;
  }
}

const integerForm = /^-?[0-9]+$/;
