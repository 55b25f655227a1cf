export { copyingCodec as codec } from "../../engines/copying-codec.js";
