import { replyHeaders } from "./error-response.js";

const headers = Object.freeze({ ...replyHeaders, "content-type": "application/json" });

/**
 * A reply of JSON that is text already. Its headers are a plain object, which goes to Node as it is; the replies that Hono's
 * context makes turn it into `Headers` first, which takes longer than reading a row does.
 */
export function jsonReply(text: string): Response {
  return new Response(text, { status: 200, headers });
}
