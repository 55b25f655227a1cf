// Structured field values (RFC 9651): the form of Signature-Input, Signature and Content-Digest.

/** A bare item; each kind has its own text, so that `1` and `1.0`, or a token and a string, stay apart. */
export type BareItem =
  | { readonly type: "integer" | "decimal" | "date"; readonly value: number }
  | { readonly type: "string" | "token" | "display"; readonly value: string }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "boolean"; readonly value: boolean };

export type Parameters = ReadonlyMap<string, BareItem>;

export interface Item {
  readonly bare: BareItem;
  readonly parameters: Parameters;
}

export interface InnerList {
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}

export type Member = Item | InnerList;

export interface ParseOptions {
  /** Whether a key that comes twice, in a dictionary or among parameters, fails instead of counting as the RFC says: the last one. */
  readonly unique?: boolean | undefined;
}

/** Reads a dictionary; undefined for a text that is none. */
export function parseDictionary(text: string, options: ParseOptions = {}): ReadonlyMap<string, Member> | undefined {
  return parse(text, (reader) => reader.dictionary(), options);
}

/** Reads a list; undefined for a text that is none. */
export function parseList(text: string, options: ParseOptions = {}): readonly Member[] | undefined {
  return parse(text, (reader) => reader.list(), options);
}

/** Reads an item; undefined for a text that is none. */
export function parseItem(text: string, options: ParseOptions = {}): Item | undefined {
  return parse(text, (reader) => reader.item(), options);
}

/** Thrown and caught in this file alone. */
const wrong = new Error("not a structured field");

function parse<T>(text: string, read: (reader: Reader) => T, options: ParseOptions): T | undefined {
  const reader = new Reader(text, options.unique === true);
  try {
    reader.skip(/ */y);
    const value = read(reader);
    reader.skip(/ */y);
    return reader.ended ? value : undefined;
  } catch (error) {
    if (error === wrong) return undefined;
    throw error;
  }
}

const keyText = /[a-z*][a-z0-9_.*-]*/y;
const numberText = /-?([0-9]+)(?:\.([0-9]+))?/y;
const tokenText = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y;
const stringText = /"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const displayText = /%"((?:[\x20-\x21\x23-\x24\x26-\x7e]|%[0-9a-f]{2})*)"/y;
const bytesText = /:([A-Za-z0-9+/]*={0,2}):/y;

class Reader {
  readonly #text: string;
  readonly #unique: boolean;
  #at = 0;

  constructor(text: string, unique: boolean) {
    this.#text = text;
    this.#unique = unique;
  }

  get ended(): boolean {
    return this.#at === this.#text.length;
  }

  dictionary(): ReadonlyMap<string, Member> {
    const members = new Map<string, Member>();
    this.#separated(() => {
      const key = this.#take(keyText)[0];
      if (this.#unique && members.has(key)) throw wrong;
      members.set(key, this.#eat("=") ? this.#member() : { bare: yes, parameters: this.#parameters() });
    });
    return members;
  }

  list(): readonly Member[] {
    const members: Member[] = [];
    this.#separated(() => members.push(this.#member()));
    return members;
  }

  item(): Item {
    return { bare: this.#bare(), parameters: this.#parameters() };
  }

  skip(pattern: RegExp): void {
    this.#take(pattern);
  }

  #separated(readOne: () => void): void {
    if (this.ended) return;
    for (;;) {
      readOne();
      this.#take(/[ \t]*/y);
      if (this.ended) return;
      if (!this.#eat(",")) throw wrong;
      this.#take(/[ \t]*/y);
      if (this.ended) throw wrong;
    }
  }

  #member(): Member {
    if (!this.#eat("(")) return this.item();
    const items: Item[] = [];
    for (;;) {
      this.#take(/ */y);
      if (this.#eat(")")) return { items, parameters: this.#parameters() };
      items.push(this.item());
      if (this.#peek() !== " " && this.#peek() !== ")") throw wrong;
    }
  }

  #parameters(): Parameters {
    if (this.#peek() !== ";") return noParameters;
    const parameters = new Map<string, BareItem>();
    while (this.#eat(";")) {
      this.#take(/ */y);
      const key = this.#take(keyText)[0];
      if (this.#unique && parameters.has(key)) throw wrong;
      parameters.set(key, this.#eat("=") ? this.#bare() : yes);
    }
    return parameters;
  }

  #bare(): BareItem {
    const first = this.#peek();
    if (first === '"') return { type: "string", value: this.#take(stringText)[1]!.replaceAll(/\\(.)/g, "$1") };
    if (first === ":") return { type: "bytes", value: bytesOf(this.#take(bytesText)[1]!) };
    if (first === "?") return { type: "boolean", value: this.#take(/\?([01])/y)[1] === "1" };
    if (first === "@") return { type: "date", value: this.#integer(this.#take(/@(-?[0-9]+)(?!\.)/y)[1]!) };
    if (first === "%") return { type: "display", value: displayOf(this.#take(displayText)[1]!) };
    return /[-0-9]/.test(first) ? this.#number() : { type: "token", value: this.#take(tokenText)[0] };
  }

  #number(): BareItem {
    const [text, whole, fraction] = this.#take(numberText) as unknown as [string, string, string | undefined];
    if (this.#peek() === ".") throw wrong;
    if (fraction === undefined) return { type: "integer", value: this.#integer(text) };
    if (whole.length > 12 || fraction.length > 3) throw wrong;
    return { type: "decimal", value: Number(text) };
  }

  #integer(text: string): number {
    if (text.replace("-", "").length > 15) throw wrong;
    // Minus zero is zero.
    return Number(text) + 0;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #eat(character: string): boolean {
    const fits = this.#peek() === character;
    if (fits) this.#at++;
    return fits;
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw wrong;
    this.#at += match[0].length;
    return match;
  }
}

const yes: BareItem = Object.freeze({ type: "boolean", value: true });
const noParameters: Parameters = new Map();

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    // The native error says no more than that.
    throw wrong;
  }
}

function displayOf(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "%") bytes.push(text.charCodeAt(at));
    else bytes.push(Number.parseInt(text.slice(at + 1, (at += 2) + 1), 16));
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    // Not UTF-8.
    throw wrong;
  }
}

/** Writes a member; undefined when a value has no text in this form, such as a string with characters outside ASCII. */
export function serializeMember(member: Member): string | undefined {
  const parameters = serializeParameters(member.parameters);
  if (parameters === undefined) return undefined;
  if (!("items" in member)) return joined([serializeBare(member.bare), parameters], "");
  const items = joined(member.items.map(serializeMember), " ");
  return items === undefined ? undefined : `(${items})${parameters}`;
}

/** Writes a list. */
export function serializeList(members: readonly Member[]): string | undefined {
  return joined(members.map(serializeMember), ", ");
}

/** Writes a dictionary. */
export function serializeDictionary(members: ReadonlyMap<string, Member>): string | undefined {
  return joined(
    [...members].map(([key, member]) => {
      if (!isKey(key)) return undefined;
      if (!("items" in member) && member.bare.value === true) return joined([key, serializeParameters(member.parameters)], "");
      return joined([key, serializeMember(member)], "=");
    }),
    ", ",
  );
}

function serializeParameters(parameters: Parameters): string | undefined {
  const parts = [...parameters].map(([key, value]) => {
    if (!isKey(key)) return undefined;
    return value.value === true ? `;${key}` : joined([`;${key}`, serializeBare(value)], "=");
  });
  return joined(parts, "");
}

/** Writes a bare item. */
export function serializeBare(item: BareItem): string | undefined {
  switch (item.type) {
    case "integer":
    case "date": {
      const fits = Number.isInteger(item.value) && Math.abs(item.value) < 1e15;
      return fits ? `${item.type === "date" ? "@" : ""}${item.value}` : undefined;
    }
    case "decimal":
      return decimalText(item.value);
    case "string":
      return /^[\x20-\x7e]*$/.test(item.value) ? `"${item.value.replaceAll(/["\\]/g, "\\$&")}"` : undefined;
    case "token":
      return fitsWhole(tokenText, item.value) ? item.value : undefined;
    case "bytes":
      return `:${base64Of(item.value)}:`;
    case "boolean":
      return item.value ? "?1" : "?0";
    case "display":
      return displayWritten(item.value);
  }
}

/** Base64 with padding, of bytes of any length. */
export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Three digits behind the point at most, rounded half to even. */
function decimalText(value: number): string | undefined {
  const scaled = value * 1000;
  const below = Math.floor(scaled);
  const isTie = scaled - below === 0.5;
  const rounded = isTie ? below + (below % 2 === 0 ? 0 : 1) : Math.round(scaled);
  if (!Number.isFinite(rounded) || Math.abs(rounded) >= 1e15) return undefined;
  const [whole, fraction = "0"] = (rounded / 1000).toString().split(".");
  return `${whole}.${fraction}`;
}

function displayWritten(value: string): string | undefined {
  if (/\p{Surrogate}/u.test(value)) return undefined;
  let text = "";
  for (const byte of new TextEncoder().encode(value)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && byte !== 0x22;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return `%"${text}"`;
}

function isKey(key: string): boolean {
  return fitsWhole(keyText, key);
}

function fitsWhole(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  return pattern.exec(text)?.[0].length === text.length && text !== "";
}

function joined(parts: readonly (string | undefined)[], separator: string): string | undefined {
  return parts.includes(undefined) ? undefined : parts.join(separator);
}
