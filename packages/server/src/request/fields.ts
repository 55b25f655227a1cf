// The parameters of a request, from query string, form or JSON body, before their types are known.

import { badRequest, wrongMediaType } from "../error-response.js";
import { parseJson } from "./json.js";

/** One parameter: text (several where it was repeated), or a JSON value. */
export type Field = { readonly text: string | readonly string[] } | { readonly json: unknown };
export type Fields = ReadonlyMap<string, Field>;

export interface FieldLimits {
  readonly maxJsonDepth: number;
  readonly maxParameters: number;
}

/** A request body, decoded. `array` is there when the JSON body is a list. */
export interface RequestInput {
  readonly fields: Fields;
  readonly array: readonly unknown[] | undefined;
}

/**
 * Reads the parameters of a request.
 *
 * - Without a body: the URL's. With a form: the form's alone, for it is signed in place of the URL's.
 * - With a JSON object: its members and the URL's; a name in both is refused.
 *
 * @param query  the raw query of the URL, without `?` and credentials
 * @throws HttpError 400 for malformed escapes, text that is not UTF-8, malformed or too deep JSON; 415 for other bodies
 */
export function readInput(query: string, contentType: string, body: Uint8Array | undefined, limits: FieldLimits): RequestInput {
  if (body === undefined || body.length === 0) return { fields: parsePairs(query, "the query", limits), array: undefined };
  const type = mediaType(contentType);
  if (type === "application/x-www-form-urlencoded") return { fields: parsePairs(decodeUtf8(body), "the form", limits), array: undefined };
  requireJson(type);
  const value = parseJson(decodeUtf8(body), limits.maxJsonDepth, "the body");
  const fields = new Map(parsePairs(query, "the query", limits));
  if (Array.isArray(value)) return { fields, array: value as unknown[] };
  if (typeof value !== "object" || value === null) throw badRequest("the body must be a JSON object");
  addMembers(fields, value);
  return { fields, array: undefined };
}

/**
 * A body that is any JSON; undefined for an empty one.
 *
 * @throws HttpError 400; 415 for other bodies
 */
export function readJsonBody(contentType: string, body: Uint8Array, limits: FieldLimits): unknown {
  if (body.length === 0) return undefined;
  requireJson(mediaType(contentType));
  return parseJson(decodeUtf8(body), limits.maxJsonDepth, "the body");
}

/** The media type alone, in small letters. */
export const mediaType = (contentType: string): string => contentType.split(";", 1)[0]!.trim().toLowerCase();

function requireJson(type: string): void {
  if (!/^(application|text)\/([\w.+-]+\+)?json$/.test(type)) throw wrongMediaType(type);
}

/** The members of a JSON object as fields. */
export function fieldsOf(object: object): Map<string, Field> {
  const fields = new Map<string, Field>();
  addMembers(fields, object);
  return fields;
}

function addMembers(fields: Map<string, Field>, object: object): void {
  for (const [name, json] of Object.entries(object)) {
    if (fields.has(name)) throw badRequest(`${name.slice(0, 50)} is given in the query and in the body`, name);
    fields.set(name, { json: json as unknown });
  }
}

function parsePairs(text: string, what: string, { maxParameters }: FieldLimits): Map<string, Field> {
  const fields = new Map<string, Field>();
  if (text === "") return fields;
  const parts = text.split("&", maxParameters + 1);
  if (parts.length > maxParameters) throw badRequest(`${what} has more than ${maxParameters} parameters`);
  for (const part of parts) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = decodePart(at < 0 ? part : part.slice(0, at), what);
    const value = at < 0 ? "" : decodePart(part.slice(at + 1), what);
    const before = fields.get(name) as { text: string | string[] } | undefined;
    if (before === undefined) fields.set(name, { text: value });
    else fields.set(name, { text: [...(typeof before.text === "string" ? [before.text] : before.text), value] });
  }
  return fields;
}

function decodePart(text: string, what: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // The only way to fail; the text may hold secrets, so it is not repeated.
    throw badRequest(`${what} has a malformed percent escape, or text that is not UTF-8`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws HttpError 400 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    // The only way to fail.
    throw badRequest("the body is not UTF-8");
  }
}
