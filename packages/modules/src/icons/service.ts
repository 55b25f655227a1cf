// Icons: images of accounts, by a prefix and a type, each for whom its owner says.

import { randomUUID } from "node:crypto";

import type { Clock, Log } from "@bk/core";

import { etagOf } from "../common/bytes-reply.js";
import { denied, hasCode, invalid, notFound } from "../common/failures.js";
import { checkAcl, checkName, mayRead } from "../common/names.js";
import { visible } from "../common/visible.js";
import { type CallerDb, type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Directory } from "../contract/directory.js";
import type { Caller } from "../contract/endpoint.js";
import { type ObjectStorage, rowObjects, signedUrls } from "../storage/object-storage.js";
import { type ImageChanges, type ImageEngine, imageType, mediaTypes } from "./image-engine.js";
import { iconTables } from "./tables.js";

export interface IconServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the table. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: ObjectStorage;
  /** Makes stored images out of uploaded ones. */
  readonly images: ImageEngine;
  /** Most icons of an account by prefix; `*` stands for every other one. Default 100 each. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Prefixes of icons that have an address for everybody, if their owner says so. Default `account` alone. */
  readonly publicPrefixes?: readonly string[];
  /** How long URLs of icons hold that the storage signs, in milliseconds. Default: URLs are those of the server. */
  readonly signedUrlMs?: number;
}

/** Which icon. */
export interface IconName {
  readonly prefix: string;
  /** Default empty. */
  readonly type?: string | undefined;
  /** Whose. Default the caller's. */
  readonly id?: string | undefined;
}

/** An icon that is uploaded. */
export interface NewIcon extends IconName {
  readonly bytes: Uint8Array;
  /** The media type and the name that the client gives. */
  readonly claimed?: { readonly type: string; readonly name: string } | undefined;
  readonly changes?: ImageChanges;
  readonly columns?: {
    readonly descr?: string | undefined;
    readonly acl_allow?: string | undefined;
    readonly tags?: readonly string[] | undefined;
    readonly latitude?: number | undefined;
    readonly longitude?: number | undefined;
  };
}

/** The bytes of an icon. */
export interface IconBytes {
  readonly type: string;
  readonly size: number;
  readonly etag: string;
  readonly ext: string;
  readonly isPublic: boolean;
  /** Undefined when it was replaced or removed meanwhile. */
  read(signal?: AbortSignal): Promise<ReadableStream<Uint8Array> | undefined>;
}

export interface IconService {
  /** @throws BkError `not-found` for an icon that there is not, or that the caller may not see */
  get(caller: Caller, icon: IconName): Promise<IconBytes>;
  /** The icons of an account that the caller may see, with their URLs. @param type  what their type begins with */
  select(caller: Caller, icon: IconName): Promise<Row[]>;
  /**
   * Keeps an icon; one of the same prefix and type is replaced. Admins may keep icons of others.
   *
   * @param signal  gives up an image that is not made yet
   * @returns  its row as its owner sees it, with its URL
   * @throws BkError `invalid` for names and images that are none; `too-large`; `denied` for icons of others, and when there are too many
   */
  put(caller: Caller, icon: NewIcon, signal?: AbortSignal): Promise<{ readonly row: Row; readonly warning: string | undefined }>;
  del(caller: Caller, icon: IconName): Promise<void>;
  /** The URLs of the icons of accounts that the caller may see, by id: `iconN` for the type `N` of the prefix `account`. */
  urls(caller: Caller, ids: readonly string[]): Promise<ReadonlyMap<string, Row>>;
  forget(id: string): Promise<void>;
}

const table = "bk_icon";
const mostListed = 1000;
const notHere = "not found or not allowed";

/** How many accounts are asked for side by side. */
const width = 10;

export function iconService(options: IconServiceOptions): IconService {
  const { db, dbFor = unruled(db), directory, clock, log, images, limits = { "*": 100 }, publicPrefixes = ["account"] } = options;
  const objects = rowObjects(options.storage, "icons", log, () => clock.now());

  const sign = signedUrls(options.storage, options.signedUrlMs);

  function urlOf({ prefix, type, id, acl_allow: acl, ext }: Row, caller: Caller): string {
    const [group, kind, owner] = [prefix, type, id].map((part) => encodeURIComponent(part as string)) as [string, string, string];
    if (acl === "all" && publicPrefixes.includes(prefix as string))
      return `/image/${group}/${owner}${kind === "" ? "" : `/${kind}`}.${ext as string}`;
    const own = group === "account" ? `/account/get/icon?type=${kind}` : `/icon/get?prefix=${group}&type=${kind}`;
    return id === caller.id ? own : `${own}&id=${owner}`;
  }

  async function shown(row: Row, caller: Caller): Promise<Row> {
    const { name: _name, ...columns } = visible(
      iconTables.bk_icon,
      row,
      caller.isAdmin ? "admin" : row["id"] === caller.id ? "owner" : "other",
    );
    const signed = sign?.(row["object"] as string, { type: mediaTypes[row["ext"] as keyof typeof mediaTypes] });
    return { ...columns, url: (await signed) ?? urlOf(row, caller) };
  }

  async function writable(caller: Caller, id: string | undefined): Promise<string> {
    if (id === undefined || id === caller.id) return caller.id;
    if (!caller.isAdmin) throw denied("icons are written by their own account alone");
    if (!(await directory.find([id], caller)).has(id)) throw notFound("account not found");
    return id;
  }

  async function refuseMore(id: string, prefix: string, most: number): Promise<void> {
    const { rows } = await db.select(
      table,
      { id, name: { $begins_with: `${prefix}:` } },
      { select: ["name"], count: Math.min(most + 1, 10_000) },
    );
    if (rows.length > most) throw denied("no more icons allowed");
  }

  /** What is refused keeps no bytes. */
  async function putRow(mine: CallerDb, row: Row, object: string): ReturnType<CallerDb["put"]> {
    try {
      return await mine.put(table, row, { returning: "old", whole: true });
    } catch (error) {
      if (hasCode(error, "denied")) await objects.drop(object);
      throw error;
    }
  }

  async function select(caller: Caller, { prefix, type = "", id = caller.id }: IconName): Promise<Row[]> {
    const { rows } = await dbFor(caller).select(table, { id, name: { $begins_with: nameOf(prefix, type) } }, { count: mostListed });
    const readable = rows.filter((row) => mayRead((row["acl_allow"] as string | null) ?? "", id, caller));
    return Promise.all(readable.map((row) => shown(row, caller)));
  }

  return {
    async get(caller, { prefix, type = "", id = caller.id }) {
      const key = { id, name: nameOf(prefix, type) };
      const row = id === "" ? undefined : await dbFor(caller).get(table, key);
      if (row === undefined || !mayRead((row["acl_allow"] as string | null) ?? "", id, caller)) throw notFound(notHere);
      const ext = row["ext"] as keyof typeof mediaTypes;
      return {
        type: mediaTypes[ext],
        size: row["size"] as number,
        etag: row["etag"] as string,
        ext,
        isPublic: row["acl_allow"] === "all",
        read: (signal) => objects.read(row["object"] as string, signal === undefined ? {} : { signal }),
      };
    },

    select,

    async urls(caller, ids) {
      const [all, found] = [dbFor(caller).reads(table) ? [...new Set(ids)] : [], new Map<string, Row>()];
      for (let i = 0; i < all.length; i += width) {
        const some = all.slice(i, i + width);
        const icons = await Promise.all(some.map((id) => select(caller, { prefix: "account", id })));
        some.forEach((id, at) => found.set(id, Object.fromEntries(icons[at]!.map(({ type, url }) => [`icon${String(type)}`, url]))));
      }
      return found;
    },

    async put(caller, { prefix, type: wanted = "", id, bytes, claimed, changes = {}, columns = {} }, signal) {
      const type = filled(wanted, claimed?.name ?? "", clock.now());
      const name = nameOf(prefix, type);
      const { descr, tags, latitude, longitude } = columns;
      const acl = checkAcl(columns.acl_allow ?? "");
      const owner = await writable(caller, id);
      await imageType(bytes, claimed?.type);
      const most = Object.hasOwn(limits, prefix) ? limits[prefix]! : (limits["*"] ?? Infinity);
      const isNew = (await db.get(table, { id: owner, name })) === undefined;
      if (isNew && most < Infinity) await refuseMore(owner, prefix, most - 1);
      const image = await images.make(bytes, changes, signal);
      const object = await objects.write(owner, name, image.bytes, mediaTypes[image.type]);
      const row: Row = {
        id: owner,
        name,
        prefix,
        type,
        acl_allow: acl,
        width: image.width,
        height: image.height,
        rotation: Math.round(changes.rotate ?? 0),
        ext: image.type,
        size: image.bytes.length,
        object,
        etag: etagOf(image.bytes),
        ...(descr === undefined ? {} : { descr }),
        ...(tags === undefined ? {} : { tags: [...tags] }),
        ...(latitude === undefined ? {} : { latitude }),
        ...(longitude === undefined ? {} : { longitude }),
      };
      const { row: old } = await putRow(dbFor(caller), row, object);
      if (old !== undefined && old !== null) await objects.drop(old["object"] as string);
      else if (most < Infinity) {
        // Of many at once some would be too many; each sees the others now.
        try {
          await refuseMore(owner, prefix, most);
        } catch (error) {
          const { affected } = await db.del(table, { id: owner, name }, { where: { object } });
          if (affected > 0) await objects.drop(object);
          throw error;
        }
      }
      await objects.sweep(owner, name, object);
      return { row: await shown(dbFor(caller).masked(table, row), caller), warning: image.warning };
    },

    async del(caller, { prefix, type = "", id }) {
      const owner = await writable(caller, id);
      const { row } = await dbFor(caller).del(table, { id: owner, name: nameOf(prefix, type) }, { returning: "old", whole: true });
      if (row !== undefined && row !== null) await objects.drop(row["object"] as string);
    },

    async forget(id) {
      await db.delAll(table, { id });
      await objects.forget(id);
    },
  };
}

function nameOf(prefix: string, type: string): string {
  checkName(prefix, "prefix", 64);
  if (type !== "") checkName(type, "type", 64);
  return `${prefix}:${type}`;
}

/** What stands for something in a type. */
function filled(type: string, filename: string, now: number): string {
  if (!type.includes("@")) return type;
  const stem = filename.replaceAll(/^.*[/\\]|\.[^.]*$/g, "").replaceAll(/[^A-Za-z0-9_-]/g, "_");
  if (type.includes("@filename@") && stem === "") throw invalid("there is no file name to take the type from", "type");
  return type
    .replaceAll("@uuid@", () => randomUUID().replaceAll("-", ""))
    .replaceAll("@now@", String(now))
    .replaceAll("@filename@", stem.slice(0, 64));
}
