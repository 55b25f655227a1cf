// Page tokens: where a page ended, opaque to the caller and good for the same query only.

import { conditionKey, type Condition } from "../reference/condition.js";
import type { SortColumn } from "../driver.js";
import { invalid } from "../errors.js";
import { base64ToBytes, bytesToBase64, bytesToBase64Url, joinBytes, sameBytes, utf8Bytes, utf8Text } from "../schema/bytes.js";
import { decodeKey, encodeKey } from "../schema/ordered-text.js";
import type { Column, Table } from "../schema/table.js";
import { kindCheck } from "../schema/value-checks.js";
import { type TokenCipher, tokenCipher } from "./token-cipher.js";

const anyColumn = { index: 0, isKey: true, element: undefined, isSet: false, maxLength: undefined, isRest: false, definition: {} } as const;

/** The position of a page of an engine with marks of its own: the mark. */
export const cursorOrder: readonly SortColumn[] = [
  { column: { ...anyColumn, name: "cursor", kind: "text", type: "text" }, descending: false },
];

/** Makes and reads tokens; sealed with AES-256-GCM when the database has a `tokenKey`, else guarded by a checksum. */
export interface TokenCodec {
  /** @param query  see {@link queryIdentity} */
  encode(query: string, position: readonly unknown[], order: readonly SortColumn[]): Promise<string>;
  /** @throws DbError `invalid` when the token is damaged or belongs to another query */
  decode(query: string, token: string, order: readonly SortColumn[]): Promise<unknown[]>;
  /** Makes sure that a token is one of a query of which no rows are read. @throws DbError `invalid` */
  check(query: string, token: string): Promise<void>;
}

/** Text that is equal for calls that ask the same: table, filter with its values, order, and what else a page depends on. */
export function queryIdentity(
  table: Table,
  condition: Condition,
  values: readonly unknown[],
  sort: readonly SortColumn[],
  rest: readonly string[],
): string {
  const order = sort.map(({ column, descending }) => `${descending ? "-" : ""}${column.name}`).join(",");
  return JSON.stringify([table.name, conditionText(condition, values), order, rest]);
}

/** Text that is equal for equal conditions with equal values. */
export function conditionText(condition: Condition, values: readonly unknown[]): string {
  return JSON.stringify([conditionKey(condition), values.map(valueText)]);
}

function valueText(value: unknown): string {
  if (value instanceof Date) return `d${value.getTime()}`;
  if (value instanceof Uint8Array) return `b${bytesToBase64(value)}`;
  return `${typeof value}${String(value)}`;
}

const digestBytes = 12;
const checksumBytes = 8;

/**
 * @param tokenKey  at least 16 characters; tokens made with one key are read with the same key only
 * @param given     default: the cipher of the runtime, loaded with the first token
 */
export function tokenCodec(tokenKey: string | undefined, given?: TokenCipher): TokenCodec {
  let loaded = given;
  let madeKey: ReturnType<TokenCipher["sha256"]> | undefined;
  const cipher = (): TokenCipher => (loaded ??= tokenCipher());
  const digest = async (query: string): Promise<Uint8Array> => (await cipher().sha256(query)).subarray(0, digestBytes);
  const key = (text: string): ReturnType<TokenCipher["sha256"]> => (madeKey ??= cipher().sha256(`bk page token\n${text}`));

  async function withChecksum(body: Uint8Array): Promise<Uint8Array> {
    return joinBytes((await cipher().sha256(body)).subarray(0, checksumBytes), body);
  }

  async function withoutChecksum(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const body = bytes.subarray(checksumBytes);
    return sameBytes(await withChecksum(body), bytes) ? body : undefined;
  }

  /** What a token of a query holds. */
  async function bodyOf(query: string, token: string): Promise<Uint8Array> {
    const bytes = bytesOf(token);
    const body = bytes && (await (tokenKey === undefined ? withoutChecksum(bytes) : cipher().unseal(bytes, await key(tokenKey))));
    if (body === undefined || body.length < digestBytes) throw invalid(notOurs);
    if (!sameBytes(body.subarray(0, digestBytes), await digest(query)))
      throw invalid("start belongs to another table, filter or sort; pass it with the same call that gave it");
    return body;
  }

  return {
    check: async (query, token) => void (await bodyOf(query, token)),
    async encode(query, position, order) {
      const columns = order.map(({ column }) => column);
      const body = joinBytes(await digest(query), utf8Bytes(encodeKey(columns, position)));
      return bytesToBase64Url(await (tokenKey === undefined ? withChecksum(body) : cipher().seal(body, await key(tokenKey))));
    },
    async decode(query, token, order) {
      return positionIn(
        (await bodyOf(query, token)).subarray(digestBytes),
        order.map(({ column }) => column),
      );
    },
  };
}

/** Without a `tokenKey` anybody can make a token, so a position is taken only if its columns could hold it and it is written as we write it. */
function positionIn(bytes: Uint8Array, columns: readonly Column[]): unknown[] {
  try {
    const values = decodeKey(columns, utf8Text(bytes));
    values.forEach((value, i) => value !== null && kindCheck(columns[i]!)(value));
    if (sameBytes(utf8Bytes(encodeKey(columns, values)), bytes)) return values;
  } catch (cause) {
    throw invalid(notOurs, { cause });
  }
  throw invalid(notOurs);
}

const notOurs = "start is not a page token of this database; pass the `next` of a page as it was given";

/** The bytes of a token, when it is written as one is. */
function bytesOf(token: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(token) || token.length % 4 === 1) return undefined;
  const bytes = base64ToBytes(token);
  return bytesToBase64Url(bytes) === token ? bytes : undefined;
}
