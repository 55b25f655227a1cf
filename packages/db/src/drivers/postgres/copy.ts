import type { Value, Values } from "../../driver.js";

/** Characters of text that are gathered before they are encoded. */
const chunkLength = 1 << 16;

/**
 * Rows in the text format of COPY, in chunks.
 *
 * @param slots  the places of a row's values, in order of the columns
 */
export function copyData(rows: readonly Values[], slots: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let text = "";
  for (const row of rows) {
    for (let i = 0; i < slots.length; i++) text += (i === 0 ? "" : "\t") + field(row[slots[i]!]!);
    text += "\n";
    if (text.length < chunkLength) continue;
    chunks.push(Buffer.from(text));
    text = "";
  }
  if (text !== "") chunks.push(Buffer.from(text));
  return chunks;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function field(value: Value): string {
  if (value === null) return "\\N";
  if (typeof value === "string") return /[\\\n\r\t]/.test(value) ? value.replace(/[\\\n\r\t]/g, (c) => escapes[c]!) : value;
  if (value instanceof Uint8Array) return `\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  if (typeof value === "boolean") return value ? "t" : "f";
  return String(value);
}
