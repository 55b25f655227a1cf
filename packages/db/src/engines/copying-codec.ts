import type { Codec } from "../driver.js";

/** Native values; what could be changed from outside is kept as text, so that rows made of it share nothing with it. */
export const copyingCodec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "bigint",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "text",
  list: "text",
  blob: "base64",
});
