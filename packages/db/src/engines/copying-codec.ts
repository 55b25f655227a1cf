import type { Codec } from "../driver.js";
import { plainCodec } from "./plain-codec.js";

/** Native values; what could be changed from outside is kept as text, so that rows made of it share nothing with it. */
export const copyingCodec: Codec = Object.freeze({ ...plainCodec, list: "text", blob: "base64" });
