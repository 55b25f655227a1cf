// Addresses of mails. They are read here and handed on in parts, so that no other parser finds another meaning in them.

import { domainToASCII } from "node:url";

import { invalid } from "../common/failures.js";

/** `ann@example.com`, `Ann <ann@example.com>`, or the parts. */
export type MailAddress = string | { readonly name?: string | undefined; readonly address: string };

/** An address in its parts. */
export interface Mailbox {
  /** Empty where there is none. */
  readonly name: string;
  readonly address: string;
}

/** Letters of any script and what RFC 5322 has for atoms; nothing that is quoted. */
const localPart = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const named = /^(.*?)\s*<([^<>]*)>$/u;
/** What ends a header, or hides what is in it. */
const control = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** @throws BkError `invalid` naming the field, for a text that would be more than one line of a header */
export function headerText(text: unknown, field: string, most: number): string {
  if (typeof text !== "string") throw invalid(`${field} must be a text`, field);
  if (control.test(text)) throw invalid(`${field} has a line break or another control character`, field);
  if (text.length > most) throw invalid(`${field} is longer than ${most} characters`, field);
  return text.toWellFormed();
}

/** @throws BkError `invalid` naming the field */
export function mailbox(given: unknown, field: string): Mailbox {
  if (typeof given === "object" && given !== null && "address" in given) {
    const { address, name = "" } = given as { readonly address: unknown; readonly name?: unknown };
    return { name: headerText(name, field, 200), address: addressOf(address, field) };
  }
  const text = headerText(given, field, 600).trim();
  const [, name, address] = named.exec(text) ?? [];
  return address === undefined
    ? { name: "", address: addressOf(text, field) }
    : { name: name!.replace(/^"(.*)"$/, "$1"), address: addressOf(address, field) };
}

/** One address, a list of them, or undefined. */
export function mailboxes(given: unknown, field: string): Mailbox[] {
  if (given === undefined) return [];
  return (Array.isArray(given) ? (given as readonly unknown[]) : [given]).map((each) => mailbox(each, field));
}

/** The address with its domain as it is asked for in DNS. */
function addressOf(given: unknown, field: string): string {
  const text = headerText(given, field, 320);
  const at = text.lastIndexOf("@");
  const [local, domain] = [text.slice(0, at), domainToASCII(text.slice(at + 1)).toLowerCase()];
  if (at < 1 || Buffer.byteLength(local) > 64 || !localPart.test(local) || !hostName.test(domain))
    throw invalid(`${field} is no address of a mailbox, such as ann@example.com`, field);
  return `${local}@${domain}`;
}
