// Images of messages: each row that has one names its own bytes, so that whoever removes a message removes its image and no other one's.

import { BkError, type Clock, type Log } from "@bk/core";

import { etagOf } from "../common/bytes-reply.js";
import { notFound } from "../common/failures.js";
import { type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Caller, UploadedFile } from "../contract/endpoint.js";
import { type ImageEngine, imageType, type MadeImage, mediaTypes } from "../icons/image-engine.js";
import { type ObjectStorage, rowObjects } from "../storage/object-storage.js";

/** An image that is sent: its bytes, and what the client says of them. */
export interface SentImage {
  readonly bytes: Uint8Array;
  readonly claimed?: Pick<UploadedFile, "type"> | undefined;
}

/** The bytes of an image. */
export interface MessageImage {
  readonly type: string;
  readonly etag: string;
  /** Undefined when the message was removed meanwhile. */
  read(signal?: AbortSignal): Promise<ReadableStream<Uint8Array> | undefined>;
}

/** Which image: that of a message which the caller has, in the inbox or the archive, or of a copy of what the caller has sent. */
export interface ImageName {
  readonly sender: string;
  readonly mtime: number;
  /** Of a copy: to whom it was sent. */
  readonly recipient?: string | undefined;
  /** Whether it is looked for in the archive alone. */
  readonly isArchived?: boolean | undefined;
}

export interface MessageImages {
  /** Makes an image that may be kept. @throws BkError `invalid` for bytes that are no image; `too-large` */
  make(image: SentImage, signal?: AbortSignal): Promise<MadeImage>;
  /** Keeps an image for an account. @returns the columns of the row that names it */
  keep(account: string, token: string, image: MadeImage): Promise<Row>;
  /** Removes the bytes that a row names, where it names some. The row is gone. */
  drop(row: Row): Promise<void>;
  /** The same for a row that could not be written; where that is not known they stay. */
  dropUnwritten(row: Row, error: unknown): Promise<void>;
  /** @throws BkError `not-found` */
  open(caller: Caller, image: ImageName): Promise<MessageImage>;
  forget(account: string): Promise<void>;
}

export interface MessageImageOptions {
  readonly db: ModuleDb;
  /** What callers may do with the tables. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: ObjectStorage;
  readonly images: ImageEngine;
}

export function messageImages({ db, clock, log, storage, images, dbFor = unruled(db) }: MessageImageOptions): MessageImages {
  const objects = rowObjects(storage, "messages", log, () => clock.now());

  async function drop({ object }: Row): Promise<void> {
    if (typeof object === "string") await objects.drop(object);
  }

  async function find(caller: Caller, { sender, mtime, recipient, isArchived = false }: ImageName): Promise<Row | undefined> {
    const { id } = caller;
    const mine = dbFor(caller);
    if (recipient !== undefined) {
      const row = sender === id ? await mine.get("bk_sent", { id, mtime, recipient }) : undefined;
      return (row?.["pending"] ?? null) === null ? row : undefined;
    }
    for (const box of isArchived ? ["archive"] : ["inbox", "archive"]) {
      const row = await mine.get("bk_message", { id, box, mtime });
      if (row?.["sender"] === sender) return row;
    }
    return undefined;
  }

  return {
    async make({ bytes, claimed }, signal) {
      await imageType(bytes, claimed?.type);
      return images.make(bytes, {}, signal);
    },
    async keep(account, token, image) {
      const object = await objects.write(account, token, image.bytes, mediaTypes[image.type]);
      return { icon: 1, icon_type: image.type, object };
    },
    drop,
    async dropUnwritten(row, error) {
      if (error instanceof BkError && error.outcome === "none") await drop(row);
    },
    async open(caller, name) {
      const row = await find(caller, name);
      const { object, icon, icon_type: type } = row ?? {};
      // Whose column `icon` is hidden has none.
      if (typeof object !== "string" || icon !== 1) throw notFound("not found");
      return {
        type: mediaTypes[type as keyof typeof mediaTypes],
        etag: etagOf(object),
        read: (signal) => objects.read(object, signal === undefined ? {} : { signal }),
      };
    },
    forget: (account) => objects.forget(account),
  };
}

/** Where the image of a row is. */
export function imageUrl(table: "bk_message" | "bk_sent", { id, box, sender, recipient, mtime }: Row): string {
  const of = (name: string, value: unknown): string => `${name}=${encodeURIComponent(String(value))}`;
  const more = table === "bk_sent" ? `&${of("recipient", recipient)}` : box === "archive" ? "&_archive=1" : "";
  return `/message/image?${of("sender", table === "bk_sent" ? id : sender)}&${of("mtime", mtime)}${more}`;
}
