// Forms with files.

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";

import busboy from "@fastify/busboy";
import type { UploadedFile } from "@bk/modules";

import { badRequest } from "../error-response.js";
import type { Field } from "../request/fields.js";

export interface Multipart {
  readonly fields: Map<string, Field>;
  readonly files: Map<string, UploadedFile>;
}

const mostFiles = 10;
const pieceBytes = 256 * 1024;

/**
 * Reads a multipart form that has arrived.
 *
 * @throws HttpError 400 for what is no such form, two fields of one name, too many of them, and parts that are none
 */
export async function readMultipart(body: Uint8Array, contentType: string, maxParameters: number): Promise<Multipart> {
  const fields = new Map<string, Field>();
  const files = new Map<string, UploadedFile>();
  const names = new Set<string>();
  let parser: InstanceType<typeof busboy.Busboy>;
  try {
    parser = new busboy.Busboy({
      headers: { "content-type": contentType },
      limits: { fields: maxParameters, files: mostFiles, fieldSize: body.length + 1, fileSize: body.length + 1, headerPairs: 20 },
    });
  } catch {
    throw badRequest("the body is no multipart form");
  }
  await new Promise<void>((resolve, reject) => {
    const fail = (message: string, field?: string): void => reject(badRequest(message, field));
    const take = (name: unknown): name is string => {
      if (typeof name !== "string" || name === "" || names.has(name)) {
        fail("the form has a field without a name, or two of one name", typeof name === "string" ? name : undefined);
        return false;
      }
      names.add(name);
      return true;
    };
    parser.on("field", (name: string, value: string) => {
      if (take(name)) fields.set(name, { text: value });
    });
    parser.on("file", (name: string, stream: Readable, filename: string | undefined, _encoding: string, type: string) => {
      const chunks: Buffer[] = [];
      const isTaken = take(name);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => fail("the form is not whole"));
      stream.on("end", () => {
        if (isTaken) files.set(name, { bytes: joined(chunks), name: filename ?? "", type });
      });
    });
    parser.on("fieldsLimit", () => fail(`the form has more than ${maxParameters} fields`));
    parser.on("filesLimit", () => fail(`the form has more than ${mostFiles} files`));
    parser.on("error", () => fail("the body is no multipart form, or not whole"));
    parser.on("finish", resolve);
    Readable.from(pieces(body)).pipe(parser);
  });
  // The parser passes over parts that are no fields, or whose headers it does not read.
  if (partsOf(body, contentType) !== names.size) throw badRequest("the form has a part that is no field of it, or is not readable");
  return { fields, files };
}

/** The bytes of pieces: where they lie behind each other, as most of a body do, no copy of them. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  let end = first?.byteOffset ?? 0;
  for (const { buffer, byteOffset, length } of chunks) {
    if (buffer !== first!.buffer || byteOffset !== end) return new Uint8Array(Buffer.concat(chunks));
    end += length;
  }
  return first === undefined ? new Uint8Array() : new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset);
}

/** The body piece by piece: between two of them other requests have their turn. */
async function* pieces(body: Uint8Array): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += pieceBytes) {
    if (at > 0) await setImmediate();
    yield Buffer.from(body.buffer, body.byteOffset + at, Math.min(pieceBytes, body.length - at));
  }
}

/** How many parts begin in a form. */
function partsOf(body: Uint8Array, contentType: string): number {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? [];
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const line = Buffer.from(`--${quoted ?? plain ?? ""}`, "latin1");
  let parts = 0;
  for (let at = bytes.indexOf(line); at >= 0; at = bytes.indexOf(line, at + line.length)) {
    const isLine = at === 0 || bytes.toString("latin1", at - 2, at) === "\r\n";
    if (isLine && bytes.toString("latin1", at + line.length, at + line.length + 2) !== "--") parts++;
  }
  return parts;
}
