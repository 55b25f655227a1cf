// What the readers of files give: one record of a file, or why there is none.

/** A record and the line on which it begins (JSON, NDJSON) or ends (CSV), from 1. */
export type FileRecord =
  | { readonly line: number; readonly record: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly problem: string };

export const transferFormats = ["json", "ndjson", "csv"] as const;
export type TransferFormat = (typeof transferFormats)[number];
