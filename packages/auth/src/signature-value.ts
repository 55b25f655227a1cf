// The header value `version|tag|login|digest|expires|checksum|`.

/** The fields of a value as they were written; whether they make sense is for the verifier to say. */
export interface SignatureValue {
  readonly version: string;
  readonly tag: string;
  readonly login: string;
  /** Base64 HMAC of the canonical text. */
  readonly digest: string;
  readonly expires: string;
  /** Empty when the body is not covered. */
  readonly checksum: string;
}

/** Most characters of a login. */
export const maxLoginLength = 140;
/** Most bytes of a whole value, as UTF-8. */
export const maxValueBytes = 2048;

/** Whether a text has neither control characters, which could pass for lines of the canonical text, nor lone surrogates. */
export function isPlainText(text: string): boolean {
  return !/[\p{Cc}\p{Surrogate}]/u.test(text);
}

const fields = /^([^|]+)\|([^|]*)\|([^|]+)\|([^|]+)\|([^|]+)\|([^|]*)\|$/;

export function formatSignature(value: SignatureValue): string {
  const { version, tag, login, digest, expires, checksum } = value;
  return `${version}|${tag}|${login}|${digest}|${expires}|${checksum}|`;
}

/** Takes a value apart; undefined when it has other than seven fields, lacks one that it needs, is too long or holds what is no text. */
export function parseSignature(text: string): SignatureValue | undefined {
  if (isTooLong(text) || !isPlainText(text)) return undefined;
  const match = fields.exec(text);
  if (match === null) return undefined;
  const [, version, tag, login, digest, expires, checksum] = match as unknown as [string, string, string, string, string, string, string];
  return login.length > maxLoginLength ? undefined : { version, tag, login, digest, expires, checksum };
}

/**
 * Gives a value the form in which an HTTP header can carry it, one character a byte.
 *
 * Text that Latin-1 can hold and that cannot be taken for UTF-8 stays as it is, which older servers read too; any other becomes UTF-8 bytes.
 */
export function toHeaderText(value: string): string {
  const fitsLatin1 = !/[^\u0000-\u00ff]/.test(value); // oxlint-disable-line no-control-regex -- a range of bytes
  if (fitsLatin1 && fromHeaderText(value) === value) return value;
  return String.fromCharCode(...new TextEncoder().encode(value));
}

/** Reads header text whose bytes arrived as one character each: as UTF-8 where they are that, else as they stand. */
export function fromHeaderText(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text) || /[^\u0000-\u00ff]/.test(text)) return text; // oxlint-disable-line no-control-regex -- a range of bytes
  return decodeUtf8(Uint8Array.from(text, (character) => character.charCodeAt(0))) ?? text;
}

/** The text of UTF-8 bytes, a byte order mark included; undefined when they are not well-formed. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The decoder's error says no more than that.
    return undefined;
  }
}

function isTooLong(text: string): boolean {
  // A UTF-16 code unit is three bytes of UTF-8 at most.
  return text.length * 3 > maxValueBytes && new TextEncoder().encode(text).length > maxValueBytes;
}
