import type { Codec } from "../../driver.js";

/** Native values; what could be changed from outside is kept as text. */
export const codec: Codec = Object.freeze({
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
