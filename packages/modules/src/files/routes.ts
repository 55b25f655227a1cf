import { bytesHeaders, hasSame } from "../common/bytes-reply.js";
import { invalid, notFound } from "../common/failures.js";
import { pageOptions, pageParameters, pageReply } from "../common/pages.js";
import { anyRow, type Call, endpoint, type Endpoint, nothing, pageSchema, type Parameters } from "../contract/endpoint.js";
import { disposition, sentType } from "./file-kind.js";
import { rangeOf } from "./ranges.js";
import type { FileBytes, FileLimits, FileService } from "./service.js";

const prefix = { required: true, max: 255, about: "where it is: up to four parts between slashes" } as const;
const name = { required: true, max: 160, about: "letters, digits, dots, `_` and `-`" } as const;
const id = { max: 100, about: "whose; default the caller's" } as const;

/** @param now  milliseconds since 1970 */
export function fileRoutes(service: FileService, { maxFileBytes, maxUploadBytes }: FileLimits, now: () => number): Endpoint[] {
  const given = {
    prefix,
    name,
    id,
    data: {
      type: "bytes",
      max: maxFileBytes,
      about: "what is in it: base64, or a file of a form; else the body itself, of another type than JSON or a form",
    },
    text: { max: Math.min(maxFileBytes, 1024 * 1024), about: "what is in it, as text, instead of `data`" },
    acl_allow: { max: 5100, about: "who may read it: empty: the owner, `all`, `auth`: every account, or ids of accounts between commas" },
    _name: { min: 1, max: 100, pattern: /[^\p{C}]+/u, about: "which field has what is in it: `text`, or another one in place of `data`" },
    _encoding: { values: ["base64", "hex", "utf8"], about: "what `text` is in; default `utf8`" },
    _ext: { max: 16, pattern: /\.?[A-Za-z0-9]+/, about: "what the name is to end in" },
    _tm: { type: "bool", about: "adds the time to the name, as `-20260131T235959123`" },
  } as const satisfies Parameters;
  const putAt = (path: string): Endpoint =>
    endpoint({
      path,
      summary: "Keeps a file; one of the same prefix and name is replaced",
      who: "account",
      changes: true,
      parameters: given,
      named: { by: "_name", parameter: "data" },
      // Base64 in JSON is a third longer.
      maxBodyBytes: Math.ceil(maxFileBytes * 1.4) + 64 * 1024,
      maxUploadBytes,
      reply: anyRow,
      async answer({ caller, values, upload }: Call<typeof given>) {
        if (upload !== undefined && (values.data ?? values.text) !== undefined)
          throw invalid("the body is the file; give no other", values.data === undefined ? "text" : "data");
        const bytes = upload ?? bytesOf(values);
        return service.put(caller, {
          prefix: values.prefix,
          name: named(values.name, values._ext, values._tm === true ? now() : undefined),
          id: values.id,
          bytes,
          acl_allow: values.acl_allow,
        });
      },
    });
  return [
    endpoint({
      path: "/file/get",
      summary: "The bytes of a file that the caller may read; a part of them with Range",
      who: "anonymous",
      parameters: { prefix, name, id },
      reply: "application/octet-stream",
      answer: (call) => fileReply(() => service.get(call.caller, call.values), call),
    }),
    endpoint({
      path: "/file/select",
      summary: "The files of an account below a prefix that the caller may read",
      who: "account",
      parameters: { prefix: { max: 255, about: "default: all" }, id, ...pageParameters },
      reply: pageSchema(anyRow),
      answer: async ({ caller, values }) => pageReply(await service.select(caller, values, pageOptions(values))),
    }),
    putAt("/file/put"),
    putAt("/file/add"),
    endpoint({
      path: "/file/del",
      summary: "Removes a file",
      who: "account",
      changes: true,
      parameters: { prefix, name, id },
      reply: nothing,
      async answer({ caller, values }) {
        await service.del(caller, values);
        return {};
      },
    }),
  ];
}

interface GivenBytes {
  readonly data: Uint8Array | undefined;
  readonly text: string | undefined;
  readonly _name: string | undefined;
  readonly _encoding: string | undefined;
}

function bytesOf({ data, text, _name: wanted, _encoding: encoding = "utf8" }: GivenBytes): Uint8Array {
  if (data !== undefined && text !== undefined) throw invalid("give data or text, not both", "text");
  const found = wanted === undefined ? (data ?? text) : wanted === "text" ? text : data;
  if (found === undefined)
    throw wanted === undefined
      ? invalid("data is required", "data")
      : invalid("_name names a field that is not there, or another parameter", "_name");
  if (typeof found !== "string") return found;
  if (encoding === "hex" && !/^([0-9a-fA-F]{2})*$/.test(found)) throw invalid("text is not hex", "text");
  if (encoding === "base64" && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(found)) throw invalid("text is not base64", "text");
  return Buffer.from(found, encoding as BufferEncoding);
}

/** The name with another ending, and with a time before its ending. */
function named(given: string, ext: string | undefined, time: number | undefined): string {
  const at = given.lastIndexOf(".");
  const stem = at > 0 ? given.slice(0, at) : given;
  const ending = ext === undefined ? (at > 0 ? given.slice(at) : "") : `.${ext.replace(/^\./, "")}`;
  return `${stem}${time === undefined ? "" : `-${new Date(time).toISOString().replaceAll(/[-:.Z]/g, "")}`}${ending}`;
}

const mostTries = 5;

async function fileReply(find: () => Promise<FileBytes>, { headers, method, signal }: Call): Promise<Response> {
  if (method !== "GET" && method !== "HEAD") throw invalid("this is asked by GET", "method");
  for (let tries = 0; tries < mostTries; tries++) {
    const file = await find();
    const own: Record<string, string> = {
      ...bytesHeaders(sentType(file.type), file.etag, file.isPublic ? "public, no-cache" : "private, no-cache"),
      "content-disposition": disposition(file.type, file.name),
      "last-modified": new Date(file.mtime).toUTCString(),
      "accept-ranges": "bytes",
    };
    if (hasSame(headers, file.etag)) return new Response(null, { status: 304, headers: own });
    if (method === "HEAD") return new Response(null, { headers: { ...own, "content-length": String(file.size) } });
    const range = rangeOf(headers.get("range"), headers.get("if-range"), file.size, file.etag);
    if (range === "none") return new Response(null, { status: 416, headers: { ...own, "content-range": `bytes */${file.size}` } });
    const body = await file.read(range, signal);
    // Absent: it was replaced meanwhile, and there is another one now.
    if (body === undefined) continue;
    if (range === undefined) return new Response(body, { headers: { ...own, "content-length": String(file.size) } });
    const { start, end } = range;
    return new Response(body, {
      status: 206,
      headers: { ...own, "content-length": String(end - start + 1), "content-range": `bytes ${start}-${end}/${file.size}` },
    });
  }
  throw notFound("not found or not allowed");
}
