import { BkError } from "@bk/core";

import { type TransferFormat, transferFormats } from "../transfer/record.js";

/** The format that was asked for, else the one that the file's name ends in. */
export function formatOf(file: string, given: TransferFormat | undefined, fallback?: TransferFormat): TransferFormat {
  const ending = file.slice(file.lastIndexOf(".") + 1).toLowerCase();
  const format = given ?? transferFormats.find((each) => each === ending) ?? (ending === "jsonl" ? "ndjson" : fallback);
  if (format === undefined) throw new BkError("invalid", `${file} does not end in .json, .ndjson or .csv; say which it is with --format`);
  return format;
}
