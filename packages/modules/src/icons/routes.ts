import { bytesHeaders, hasSame } from "../common/bytes-reply.js";
import { invalid, notFound } from "../common/failures.js";
import type { Row } from "../contract/database.js";
import { anyRow, type Call, endpoint, type Endpoint, nothing, type Parameters, type ValuesOf } from "../contract/endpoint.js";
import type { ImageType } from "./image-engine.js";
import type { IconBytes, IconService, NewIcon } from "./service.js";

const prefix = { required: true, max: 64, about: "a group of icons, such as `account`" } as const;
const type = { max: 64, about: "which icon of the group; default the one without a type" } as const;
const id = { max: 100, about: "whose; default the caller's" } as const;

const mostBytes = 10 * 1024 * 1024;
/** Base64 in JSON is a third longer. */
const mostBodyBytes = Math.ceil(mostBytes * 1.4) + 64 * 1024;

const uploaded = {
  icon: { type: "bytes", required: true, max: mostBytes, about: "the image: base64, or a file of a form" },
  descr: { max: 1000 },
  acl_allow: { max: 5100, about: "who may see it: empty: the owner, `all`, `auth`: every account, or ids of accounts between commas" },
  tags: { type: "list" },
  latitude: { type: "real", min: -90, max: 90 },
  longitude: { type: "real", min: -180, max: 180 },
  _width: { type: "int", min: -4096, max: 4096, about: "pixels; 0: as it is; below 0: never enlarged" },
  _height: { type: "int", min: -4096, max: 4096 },
  _ext: { values: ["jpg", "jpeg", "png", "gif", "webp"], default: "jpg", about: "the type that is stored" },
  _quality: { type: "int", min: 1, max: 100, default: 80 },
  _rotate: { type: "real", min: -360, max: 360, about: "degrees, clockwise" },
  _brightness: { type: "real", min: -100, max: 100, about: "percent" },
  _contrast: { type: "real", min: -100, max: 100, about: "percent" },
  _bgcolor: { max: 30, pattern: /#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,30}/, about: "behind what is transparent, such as `#fff`" },
} as const satisfies Parameters;

type Uploaded = ValuesOf<typeof uploaded>;

const notHere = "not found or not allowed";
const list = { type: "array", items: anyRow } as const;

export function iconRoutes(service: IconService, publicPrefixes: readonly string[]): Endpoint[] {
  const own = { type: { ...type, default: "0" } } as const;
  const delOwn = (path: string): Endpoint =>
    endpoint({
      path,
      summary: "Removes an icon of the caller",
      who: "account",
      changes: true,
      parameters: own,
      reply: nothing,
      async answer({ caller, values }) {
        await service.del(caller, { prefix: "account", type: values.type });
        return {};
      },
    });
  return [
    endpoint({
      path: "/icon/get",
      summary: "The bytes of an icon that the caller may see",
      who: "anonymous",
      parameters: { prefix, type, id, _ext: { max: 10, about: "taken, and not needed: an icon has one type" } },
      reply: "image/*",
      answer: (call) =>
        bytesReply(
          () => service.get(call.caller, call.values),
          call,
          () => "private, no-cache",
        ),
    }),
    endpoint({
      path: "/icon/select",
      summary: "The icons of an account that the caller may see",
      who: "account",
      parameters: { prefix, type: { ...type, about: "what their type begins with" }, id },
      reply: list,
      answer: ({ caller, values }) => service.select(caller, values),
    }),
    endpoint({
      path: "/icon/put",
      summary: "Keeps an icon, and gives all of its prefix",
      who: "account",
      changes: true,
      parameters: { prefix, type, id, ...uploaded },
      maxBodyBytes: mostBodyBytes,
      reply: list,
      answer: (call) => put(service, call, call.values),
    }),
    endpoint({
      path: "/icon/upload",
      summary: "Keeps an icon, and gives its URL",
      who: "account",
      changes: true,
      parameters: { prefix, type, id, ...uploaded },
      maxBodyBytes: mostBodyBytes,
      reply: anyRow,
      async answer(call) {
        const { row, warning } = await service.put(call.caller, newIcon(call, call.values, call.values), call.signal);
        return withWarning({ ...row, format: row["ext"] }, warning);
      },
    }),
    endpoint({
      path: "/icon/del",
      summary: "Removes an icon",
      who: "account",
      changes: true,
      parameters: { prefix, type, id },
      reply: nothing,
      async answer({ caller, values }) {
        await service.del(caller, values);
        return {};
      },
    }),
    endpoint({
      path: "/account/get/icon",
      summary: "The bytes of an account's icon that the caller may see",
      who: "anonymous",
      parameters: { ...own, id, _ext: { max: 10, about: "taken, and not needed: an icon has one type" } },
      reply: "image/*",
      answer: (call) =>
        bytesReply(
          () => service.get(call.caller, { ...call.values, prefix: "account" }),
          call,
          () => "private, no-cache",
        ),
    }),
    endpoint({
      path: "/account/select/icon",
      summary: "The icons of an account that the caller may see",
      who: "account",
      parameters: { id },
      reply: list,
      answer: ({ caller, values }) => service.select(caller, { id: values.id, prefix: "account" }),
    }),
    endpoint({
      path: "/account/put/icon",
      summary: "Keeps an icon of the caller, and gives all of them",
      who: "account",
      changes: true,
      parameters: { ...own, ...uploaded },
      maxBodyBytes: mostBodyBytes,
      reply: list,
      answer: (call) => put(service, call, { ...call.values, prefix: "account" }),
    }),
    delOwn("/account/del/icon"),
    delOwn("/account/icon/del"),
    endpoint({
      path: "/image/*",
      summary: "An icon by its address, /image/PREFIX/ID[/TYPE][.EXT], of those that are for everybody",
      who: "anonymous",
      reply: "image/*",
      answer: (call) =>
        bytesReply(
          () => found(service, call, publicPrefixes),
          call,
          ({ isPublic }) => (isPublic ? "public, max-age=3600" : "private, max-age=3600"),
        ),
    }),
  ];
}

async function put(
  service: IconService,
  call: Call,
  values: Uploaded & { readonly prefix: string; readonly type: string | undefined; readonly id?: string | undefined },
): Promise<unknown> {
  const { warning, row } = await service.put(call.caller, newIcon(call, values, values), call.signal);
  return withWarning(await service.select(call.caller, { prefix: values.prefix, id: row["id"] as string }), warning);
}

function newIcon(
  { files }: Call,
  name: { readonly prefix: string; readonly type: string | undefined; readonly id?: string | undefined },
  { icon, descr, acl_allow, tags, latitude, longitude, ...given }: Uploaded,
): NewIcon {
  return {
    prefix: name.prefix,
    type: name.type,
    id: name.id,
    bytes: icon,
    claimed: files.get("icon"),
    changes: {
      width: given._width,
      height: given._height,
      rotate: given._rotate,
      quality: given._quality,
      brightness: given._brightness,
      contrast: given._contrast,
      background: given._bgcolor,
      type: (given._ext === "jpeg" ? "jpg" : given._ext) as ImageType,
    },
    columns: { descr, acl_allow, tags, latitude, longitude },
  };
}

function withWarning(reply: Row | Row[], warning: string | undefined): unknown {
  return warning === undefined ? reply : Response.json(reply, { headers: { warning: `199 - "${warning}"` } });
}

/** The icon at an address. A type may end like a file name, so what follows its last dot is an ending first, and then not. */
async function found(service: IconService, { caller, rest }: Call, publicPrefixes: readonly string[]): Promise<IconBytes> {
  const [group = "", owner = "", kind = "", ...more] = rest.split("/");
  if (more.length > 0 || owner === "" || !publicPrefixes.includes(group)) throw notFound(notHere);
  const last = kind === "" ? owner : kind;
  const [, stem, ext] = /^(.+)\.(png|jpe?g|gif|webp)$/.exec(last) ?? [];
  const names = stem === undefined ? [last] : [stem, last];
  for (const name of names) {
    try {
      const icon = await service.get(caller, { prefix: group, id: kind === "" ? name : owner, type: kind === "" ? "" : name });
      if (name === last || icon.ext === (ext === "jpeg" ? "jpg" : ext)) return icon;
    } catch (error) {
      if (!isNoIcon(error)) throw error;
    }
  }
  throw notFound(notHere);
}

const isNoIcon = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "not-found" || error.code === "invalid");

const mostTries = 5;

async function bytesReply(
  find: () => Promise<IconBytes>,
  { headers, method, signal }: Call,
  cacheControl: (icon: IconBytes) => string,
): Promise<Response> {
  if (method !== "GET" && method !== "HEAD") throw invalid("this is asked by GET", "method");
  for (let tries = 0; tries < mostTries; tries++) {
    const icon = await find();
    const own = bytesHeaders(icon.type, icon.etag, cacheControl(icon));
    if (hasSame(headers, icon.etag)) return new Response(null, { status: 304, headers: own });
    const body = method === "HEAD" ? null : await icon.read(signal);
    // Absent: it was replaced meanwhile, and there is another one now.
    if (body !== undefined) return new Response(body, { headers: { ...own, "content-length": String(icon.size) } });
  }
  throw notFound(notHere);
}
