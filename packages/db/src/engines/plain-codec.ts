import type { Codec } from "../driver.js";

/** Values as the clients of databases have them; JSON as text. */
export const plainCodec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "bigint",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "text",
  list: "value",
  blob: "bytes",
});
