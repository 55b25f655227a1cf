// The text that is signed (RFC 9421, section 2.5).
import { componentValue, type FieldType, identifierText, identityOf, knownFieldTypes } from "./components.js";
import type { HttpMessage } from "./message.js";
import { type InnerList, parseItem, type Item, serializeMember } from "./structured-fields.js";

export type SignatureBase = { readonly text: string } | { readonly problem: string };

/** The most components that a signature may cover. */
export const maxComponents = 50;

/**
 * The signature base of a message, or in words why there is none.
 *
 * @param input  the covered components, with the signature's parameters
 */
export function signatureBase(
  message: HttpMessage,
  input: InnerList,
  fieldTypes: Readonly<Record<string, FieldType>> = knownFieldTypes,
): SignatureBase {
  if (input.items.length > maxComponents) return { problem: `more than ${maxComponents} components are covered` };
  const seen = new Set<string>();
  let text = "";
  for (const item of input.items) {
    const identifier = identifierText(item);
    if (identifier === undefined) return { problem: "a component is not a string" };
    const identity = identityOf(item);
    if (seen.has(identity)) return { problem: "a component is covered twice" };
    seen.add(identity);
    const found = componentValue(item, message, fieldTypes);
    if ("problem" in found) return found;
    text += `${identifier}: ${found.value}\n`;
  }
  return { text: `${text}"@signature-params": ${serializeMember(input)}` };
}

/** Reads a component as people write it: `@method`, `content-type`, or with parameters `"@query-param";name="Pet"`. */
export function readComponent(text: string): Item | undefined {
  const item = parseItem(text.startsWith('"') ? text : `"${text.toLowerCase()}"`, { unique: true });
  return item?.bare.type === "string" ? item : undefined;
}
