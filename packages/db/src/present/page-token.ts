// Page tokens: where a page ended, opaque to the caller and good for the same query only.

import { createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";

import { conditionKey, type Condition } from "../reference/condition.js";
import type { SortColumn } from "../driver.js";
import { invalid } from "../errors.js";
import { decodeKey, encodeKey } from "../schema/ordered-text.js";
import type { Column, Table } from "../schema/table.js";
import { kindCheck } from "../schema/value-checks.js";

const anyColumn = { index: 0, isKey: true, element: undefined, isSet: false, maxLength: undefined, isRest: false, definition: {} } as const;

/** The position of a page of an engine with marks of its own: the mark, and how many of the rows after it are done. */
export const cursorOrder: readonly SortColumn[] = [
  { column: { ...anyColumn, name: "cursor", kind: "text", type: "text" }, descending: false },
  { column: { ...anyColumn, name: "skip", kind: "int", type: "int" }, descending: false },
];

/** Makes and reads tokens; sealed with AES-256-GCM when the database has a `tokenKey`, else guarded by a checksum. */
export interface TokenCodec {
  /** @param query  see {@link queryIdentity} */
  encode(query: string, position: readonly unknown[], order: readonly SortColumn[]): string;
  /** @throws DbError `invalid` when the token is damaged or belongs to another query */
  decode(query: string, token: string, order: readonly SortColumn[]): unknown[];
}

/** Text that is equal for calls that ask the same: table, filter with its values, order and the caller's own scope. */
export function queryIdentity(
  table: Table,
  condition: Condition,
  values: readonly unknown[],
  sort: readonly SortColumn[],
  scope: string,
): string {
  const order = sort.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`).join(",");
  return JSON.stringify([table.name, conditionKey(condition), values.map(valueText), order, scope]);
}

function valueText(value: unknown): string {
  if (value instanceof Date) return `d${value.getTime()}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("base64")}`;
  return `${typeof value}${String(value)}`;
}

const digestBytes = 12;

function digest(text: string): Buffer {
  return sha256(text).subarray(0, digestBytes);
}

function sha256(data: string | Buffer): Buffer {
  return hash("sha256", data, "buffer");
}

/**
 * @param tokenKey  at least 16 characters; tokens made with one key are read with the same key only
 */
export function tokenCodec(tokenKey: string | undefined): TokenCodec {
  const key = tokenKey === undefined ? undefined : sha256(`bk page token\n${tokenKey}`);
  return {
    encode(query, position, order) {
      const columns = order.map(({ column }) => column);
      const body = Buffer.concat([digest(query), Buffer.from(encodeKey(columns, position), "utf8")]);
      return (key === undefined ? withChecksum(body) : seal(body, key)).toString("base64url");
    },
    decode(query, token, order) {
      const bytes = Buffer.from(token, "base64url");
      const body = bytes.toString("base64url") === token ? (key === undefined ? withoutChecksum(bytes) : unseal(bytes, key)) : undefined;
      if (body === undefined) throw invalid(notOurs);
      if (!body.subarray(0, digestBytes).equals(digest(query)))
        throw invalid("start belongs to another table, filter or sort; pass it with the same call that gave it");
      return positionIn(
        body.subarray(digestBytes),
        order.map(({ column }) => column),
      );
    },
  };
}

/** Without a `tokenKey` anybody can make a token, so a position is taken only if its columns could hold it and it is written as we write it. */
function positionIn(bytes: Buffer, columns: readonly Column[]): unknown[] {
  try {
    const values = decodeKey(columns, bytes.toString("utf8"));
    values.forEach((value, i) => value !== null && kindCheck(columns[i]!)(value));
    if (Buffer.from(encodeKey(columns, values), "utf8").equals(bytes)) return values;
  } catch (cause) {
    throw invalid(notOurs, { cause });
  }
  throw invalid(notOurs);
}

const notOurs = "start is not a page token of this database; pass the `next` of a page as it was given";

function withChecksum(body: Buffer): Buffer {
  return Buffer.concat([sha256(body).subarray(0, 8), body]);
}

function withoutChecksum(bytes: Buffer): Buffer | undefined {
  const body = bytes.subarray(8);
  return body.length >= digestBytes && withChecksum(body).equals(bytes) ? body : undefined;
}

const ivBytes = 12;
const tagBytes = 16;

function seal(body: Buffer, key: Buffer): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const sealed = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
}

function unseal(bytes: Buffer, key: Buffer): Buffer | undefined {
  if (bytes.length < ivBytes + tagBytes + digestBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
  } catch {
    // Any failure means that the token was not made with this key.
    return undefined;
  }
}
