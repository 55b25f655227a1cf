import { defuse } from "../transfer/formula-text.js";

/** A value as the text of a CSV cell, which no spreadsheet takes for a formula. @param isJson  the column holds any JSON */
export function csvCell(value: unknown, isJson: boolean): string {
  if (value === null || value === undefined) return "";
  if (isJson) return JSON.stringify(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "string") return defuse(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value as number | boolean);
}
