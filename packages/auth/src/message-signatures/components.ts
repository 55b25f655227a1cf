// The components of a message that a signature may cover (RFC 9421, section 2), and their values.
import { fieldLines, type HttpMessage, type RequestMessage, type TargetParts, targetOf } from "./message.js";
import {
  type BareItem,
  type Item,
  parseDictionary,
  parseItem,
  parseList,
  serializeBare,
  serializeDictionary,
  serializeList,
  serializeMember,
} from "./structured-fields.js";

/** Which structured field a header is: what `sf` writes anew. */
export type FieldType = "dictionary" | "list" | "item";

/** The types of fields that the RFCs define; a message may have others of its own. */
export const knownFieldTypes: Readonly<Record<string, FieldType>> = Object.freeze({
  "accept-signature": "dictionary",
  "cache-status": "list",
  "client-cert": "item",
  "client-cert-chain": "list",
  "content-digest": "dictionary",
  priority: "dictionary",
  "proxy-status": "list",
  "repr-digest": "dictionary",
  signature: "dictionary",
  "signature-input": "dictionary",
  "want-content-digest": "dictionary",
  "want-repr-digest": "dictionary",
});

/** The value of a component, or in words why there is none. */
export type ComponentValue = { readonly value: string } | { readonly problem: string };

type Derive = (request: RequestMessage, target: TargetParts, parameters: ReadonlyMap<string, BareItem>) => string | undefined;

const derived: Readonly<Record<string, Derive>> = {
  "@method": ({ method }) => method,
  "@target-uri": (_, { scheme, authority, path, query }) => `${scheme}://${authority}${path}${query}`,
  "@authority": (_, { authority }) => authority,
  "@scheme": (_, { scheme }) => scheme,
  "@request-target": (_, { path, query }) => `${path}${query}`,
  "@path": (_, { path }) => path,
  // A request without a query has the value of an empty one.
  "@query": (_, { query }) => query || "?",
  "@query-param": (_, { query }, parameters) => queryParameter(query, parameters.get("name")),
};

/** Parameters that a component may have, beside `req`. */
const ofDerived: Readonly<Record<string, readonly string[]>> = { "@query-param": ["name"] };
const ofFields = ["sf", "key", "bs"];

/** A component identifier as it stands in the signature base; undefined when it is not a string item. */
export function identifierText(item: Item): string | undefined {
  return item.bare.type === "string" ? serializeMember(item) : undefined;
}

/** Two identifiers with the same parameters in another order are one component. */
export function identityOf(item: Item): string {
  const parameters = [...item.parameters].map(([key, value]) => `${key}=${serializeBare(value)}`).sort();
  return [serializeBare(item.bare), ...parameters].join(";");
}

/**
 * The value of a covered component.
 *
 * A component that is unknown, is not in the message, has parameters that do not belong to it or a value that can be read in several
 * ways has none.
 */
export function componentValue(item: Item, message: HttpMessage, fieldTypes: Readonly<Record<string, FieldType>>): ComponentValue {
  const name = String(item.bare.value);
  const source = sourceOf(item, message);
  if (source === undefined) return { problem: `${name} with req is for responses whose request is known` };
  const allowed = name.startsWith("@") ? (ofDerived[name] ?? []) : ofFields;
  for (const [key, { value }] of item.parameters) {
    const fits = key === "req" || (allowed.includes(key) && (key === "name" || key === "key" || value === true));
    if (!fits) return { problem: `${name} has a parameter that is not supported: ${key}` };
  }
  const found = name.startsWith("@") ? derivedValue(name, source, item) : fieldValue(name, source, item, fieldTypes);
  if ("problem" in found) return found;
  // A line feed in a value would be one more line of the signature base.
  return /^[\x20-\x7e\t]*$/.test(found.value) ? found : { problem: `${name} holds characters that need the parameter bs` };
}

function sourceOf(item: Item, message: HttpMessage): HttpMessage | undefined {
  const req = item.parameters.get("req");
  if (req === undefined) return message;
  return req.value === true && "status" in message ? message.request : undefined;
}

function derivedValue(name: string, source: HttpMessage, item: Item): ComponentValue {
  if (name === "@status") return "status" in source ? { value: String(source.status) } : { problem: "@status is for responses" };
  const derive = Object.hasOwn(derived, name) ? derived[name] : undefined;
  if (derive === undefined) return { problem: "a component is not known" };
  if ("status" in source) return { problem: `${name} is for requests` };
  const target = targetOf(source.url);
  if (target === undefined) return { problem: "the URL of the message is not absolute, or holds what none may" };
  const value = derive(source, target, item.parameters);
  return value === undefined ? { problem: `${name} is not there exactly once` } : { value };
}

function fieldValue(name: string, source: HttpMessage, item: Item, fieldTypes: Readonly<Record<string, FieldType>>): ComponentValue {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return { problem: "a component is no field name in lower case" };
  const lines = fieldLines(source.headers, name);
  if (lines === undefined) return { problem: `${name} is not in the message` };
  const { parameters } = item;
  const [key, isStrict] = [parameters.get("key"), parameters.has("sf")];
  if (parameters.has("bs")) {
    if (key !== undefined || isStrict) return { problem: `${name} has both bs and sf or key` };
    return bytesOfLines(name, lines);
  }
  const text = lines.join(", ");
  if (key !== undefined) return memberOf(name, text, key);
  if (!isStrict) return { value: text };
  const type = Object.hasOwn(fieldTypes, name) ? fieldTypes[name] : undefined;
  if (type === undefined) return { problem: `${name} is not known to be a structured field` };
  const value = rewritten(type, text);
  return value === undefined ? { problem: `${name} is not the structured field that it should be` } : { value };
}

function rewritten(type: FieldType, text: string): string | undefined {
  switch (type) {
    case "dictionary": {
      const members = parseDictionary(text);
      return members && serializeDictionary(members);
    }
    case "list": {
      const members = parseList(text);
      return members && serializeList(members);
    }
    case "item": {
      const item = parseItem(text);
      return item && serializeMember(item);
    }
  }
}

function memberOf(name: string, text: string, key: BareItem): ComponentValue {
  const member = key.type === "string" ? parseDictionary(text)?.get(key.value) : undefined;
  const value = member && serializeMember(member);
  return value === undefined ? { problem: `${name} has no such member` } : { value };
}

/** Each line as a byte sequence. Header text holds one byte in each character. */
function bytesOfLines(name: string, lines: readonly string[]): ComponentValue {
  const members: Item[] = [];
  for (const line of lines) {
    if (/[^\x00-\xff]/.test(line)) return { problem: `${name} holds what is no byte` }; // oxlint-disable-line no-control-regex -- a range of bytes
    const value = Uint8Array.from(line, (character) => character.charCodeAt(0));
    members.push({ bare: { type: "bytes", value }, parameters: new Map() });
  }
  return { value: serializeList(members)! };
}

/** The one parameter of a query with this encoded name, encoded anew; undefined where there is none, or several. */
function queryParameter(query: string, name: BareItem | undefined): string | undefined {
  if (name?.type !== "string") return undefined;
  const values = [...new URLSearchParams(query)].filter(([key]) => encodeParameter(key) === name.value);
  return values.length === 1 ? encodeParameter(values[0]![1]) : undefined;
}

/** The encoding of form parameters, with `%20` for a space. */
export function encodeParameter(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
