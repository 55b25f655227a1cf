// Orders that use what earlier orders of the same request gave.

import { invalid } from "../common/failures.js";

/** Replies by the reqId of their order. */
export type Replies = ReadonlyMap<string, unknown>;

/**
 * Puts results of earlier orders into the data of an order: where a text is `$1.data.id`, or an object `{ "$ref": "1.data.id" }`, stands
 * the member of the reply to order 1. A text that begins with `$$` begins with `$`.
 *
 * @throws BkError `invalid` for an order that is not earlier, or a member that its reply has not
 */
export function withReferences(value: unknown, replies: Replies): unknown {
  if (typeof value === "string") {
    if (value.startsWith("$$")) return value.slice(1);
    return /^\$[\w-]+\.[\w.-]+$/.test(value) ? lookUp(value.slice(1), replies) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return (value as unknown[]).map((item) => withReferences(item, replies));
  const names = Object.keys(value);
  const { $ref } = value as { readonly $ref?: unknown };
  if (names.length === 1 && Object.hasOwn(value, "$ref") && typeof $ref === "string") return lookUp($ref, replies);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withReferences(member, replies)]));
}

function lookUp(path: string, replies: Replies): unknown {
  const [reqId = "", ...names] = path.split(".");
  let found: unknown = replies.get(reqId);
  for (const name of names) {
    const isMember = typeof found === "object" && found !== null && Object.hasOwn(found, name);
    found = isMember ? (found as Readonly<Record<string, unknown>>)[name] : undefined;
  }
  if (found === undefined) throw invalid(`$${path.slice(0, 80)} is no member of an earlier reply`, "data");
  return found;
}
