// Requests and replies of type `application/x-pico`: parts with a separator behind each. The channel (or nothing) comes first; then for each order or
// packet a head in JSON, whose `len` is the number of parts that follow: the first of them is its data, in JSON, and those after it are texts as they
// are, each of which stands where the data has its number under the name `json` or `blob`.

import { invalid } from "../common/failures.js";
import type { Call } from "../contract/endpoint.js";
import { channelText, mostOrders, type Order, orderOf, type PicoRequest, tooMany } from "./orders.js";

export const framedType = "application/x-pico";

const isPartName = (name: string): boolean => name === "json" || name === "blob";

/** @throws BkError `invalid`, naming what is wrong */
export function readFramed(text: string, separator: string, parse: Call["parseJson"]): Pick<PicoRequest, "channel" | "orders"> {
  const [channel = "", ...parts] = text.split(separator);
  if (parts.pop() !== "") throw invalid("the body does not end with the delimiter", "body");
  const orders: Order[] = [];
  for (let at = 0; at < parts.length;) {
    const number = orders.length;
    if (number === mostOrders) throw tooMany();
    const head = parse(parts[at++]!, `the head of order ${number}`, "orders");
    orders.push(
      orderOf(head, number, ({ len = 0, data }) => {
        if (data !== undefined) throw invalid(`order ${number}: data stands in the parts after its head`, "data");
        if (!Number.isSafeInteger(len) || (len as number) < 0) throw invalid(`order ${number}: len must be the number of its parts`, "len");
        const own = parts.slice(at, (at += len as number));
        if (own.length < (len as number)) throw invalid(`order ${number}: there are fewer parts than len says`, "len");
        return { data: readData(own, number, parse), text: own.join(separator), oldText: own.join("") };
      }),
    );
  }
  return { channel: channelText(channel), orders };
}

function readData([first, ...texts]: readonly string[], order: number, parse: Call["parseJson"]): unknown {
  if (first === undefined) return undefined;
  const left = new Map(texts.map((text, i) => [i + 1, text]));
  /** Each text stands in one place: many places would make a small request a large one. */
  const take = (part: number): string => {
    const text = left.get(part);
    if (text === undefined) throw invalid(`order ${order}: data has a part that is not there, or stands elsewhere in it`, "data");
    left.delete(part);
    return text;
  };
  const fill = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, member] of Object.entries(value))
      if (isPartName(name) && typeof member === "number") (value as Record<string, unknown>)[name] = take(member);
      else fill(member);
  };
  const data = parse(first, `data of order ${order}`, "data");
  fill(data);
  if (left.size > 0) throw invalid(`order ${order}: there is a part that data does not have`, "data");
  return data;
}

/** What is replied to such a request: the channel, or nothing, and packets. */
export async function* framedTexts(packets: AsyncIterable<object>, separator: string): AsyncGenerator<string> {
  let hasBegun = false;
  for await (const packet of packets) {
    if (!hasBegun) yield `${Array.isArray(packet) ? String(packet[0]) : ""}${separator}`;
    hasBegun = true;
    if (!Array.isArray(packet)) yield framed(packet, separator);
  }
  if (!hasBegun) yield separator;
}

function framed(packet: object, separator: string): string {
  const { data, ...head } = packet as { readonly data?: unknown };
  const texts: string[] = [];
  const json = JSON.stringify(data, (name, value: unknown) => {
    if (!isPartName(name) || value === null) return value;
    const text = typeof value === "string" ? value : (JSON.stringify(value) as string | undefined);
    // A text that cannot stand between separators stays where it is, as what is none in JSON.
    return text === undefined || isTornBy(separator, text) ? value : texts.push(text);
  }) as string | undefined;
  const own = json === undefined ? [] : [withoutSeparator(json, separator), ...texts];
  const parts = [withoutSeparator(JSON.stringify({ ...head, len: own.length }), separator), ...own];
  return parts.map((part) => part + separator).join("");
}

const isTornBy = (separator: string, text: string): boolean => (text + separator).indexOf(separator) < text.length;

/** JSON that says the same, and in which a separator that is a list in JSON does not occur: no `[` of it is followed by what follows there. */
export function withoutSeparator(json: string, separator: string): string {
  if (!isTornBy(separator, json)) return json;
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|\[/g, (token) => (token === "[" ? "[ " : token.replaceAll("[", "\\u005b")));
}
