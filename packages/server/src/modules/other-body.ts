// Bodies that an endpoint takes in place of JSON.

import type { Endpoint, OtherBody, SentBody, UploadedFile } from "@bk/modules";

import { decodeUtf8, mediaType } from "../request/fields.js";
import { readMultipart } from "./multipart.js";

export interface ReadBody {
  readonly sent: SentBody;
  readonly files: ReadonlyMap<string, UploadedFile>;
}

/** What an endpoint says of bodies of a type; undefined where it takes none of that type in place of JSON. */
export function otherBodyOf(endpoint: Endpoint | undefined, contentType: string): OtherBody | undefined {
  const others = endpoint?.otherBodies;
  if (others === undefined) return undefined;
  const type = mediaType(contentType);
  return Object.hasOwn(others, type) ? others[type] : undefined;
}

/** @throws HttpError 400 for text that is not UTF-8, and for a form that is none */
export async function readOtherBody(contentType: string, body: Uint8Array, maxParameters: number): Promise<ReadBody> {
  const type = mediaType(contentType);
  if (type !== "multipart/form-data") return { sent: { type, text: decodeUtf8(body), fields: new Map() }, files: new Map() };
  const { fields, files } = await readMultipart(body, contentType, maxParameters);
  const texts = new Map([...fields].map(([name, field]) => [name, (field as { readonly text: string }).text]));
  return { sent: { type, text: "", fields: texts }, files };
}
