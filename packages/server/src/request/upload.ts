// Bodies that go to a file while they arrive, so that large ones need no memory.

import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import type { HashedBody } from "@bk/auth";
import { BkError } from "@bk/core";
import type { StoredFile } from "@bk/modules/storage";

import { arriving, hasBody, refuseUnread } from "./read-body.js";

/** What a server that was killed has left is removed after this time. */
const leftoverMs = 24 * 3_600_000;

const nodeNames = { "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512" } as const;

/** Types that are read into memory, for their fields are parameters, and those that could be taken for one of them. */
const parsedTypes = /^(?:application\/(?:json|x-www-form-urlencoded)\s*(?:;|$)|multipart\/)/i;

/** A folder for what is being uploaded. */
export class Uploads {
  readonly #folder: string;
  #ready: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The body of a request as one that goes to a file; undefined for one that has none, or whose fields are parameters.
   *
   * @throws HttpError 413 for one that says that it is larger; 415 for one that is packed
   */
  of(request: Request, maxBytes: number): Upload | undefined {
    const type = request.headers.get("content-type") ?? "";
    if (type === "" || parsedTypes.test(type) || !hasBody(request)) return undefined;
    refuseUnread(request, maxBytes);
    return new Upload(request.body, maxBytes, () => this.#newPath());
  }

  async #newPath(): Promise<string> {
    this.#ready ??= this.#prepare();
    await this.#ready;
    return join(this.#folder, `${randomBytes(16).toString("hex")}.part`);
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      // Another server of the same folder may have removed it.
      const { mtimeMs = Infinity } = await stat(path).catch(() => ({}) as { mtimeMs?: number });
      if (mtimeMs < Date.now() - leftoverMs) await rm(path, { force: true });
    }
  }
}

/** One body. Nothing of it is read until somebody asks. */
export class Upload implements HashedBody {
  readonly #body: ReadableStream<Uint8Array>;
  readonly #maxBytes: number;
  readonly #newPath: () => Promise<string>;
  #stored: Promise<StoredFile> | undefined;
  #path: string | undefined;

  constructor(body: ReadableStream<Uint8Array>, maxBytes: number, newPath: () => Promise<string>) {
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#newPath = newPath;
  }

  /**
   * The whole body in a file, which is there until `remove`.
   *
   * @throws HttpError 413 as soon as there is more than is taken; 400 for a body that breaks off. BkError `unavailable` when the disk is full
   */
  stored(): Promise<StoredFile> {
    return (this.#stored ??= this.#write());
  }

  async hash(algorithm: keyof typeof nodeNames): Promise<string> {
    const { path, sha256 } = await this.stored();
    if (algorithm === "SHA-256") return Buffer.from(sha256, "hex").toString("base64");
    const hash = createHash(nodeNames[algorithm]);
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest("base64");
  }

  async remove(): Promise<void> {
    await this.#stored?.catch(() => undefined);
    if (this.#path !== undefined) await rm(this.#path, { force: true });
  }

  async #write(): Promise<StoredFile> {
    const path = (this.#path = await this.#newPath());
    const file = await open(path, "wx", 0o600);
    try {
      const hash = createHash("sha256");
      let size = 0;
      for await (const chunk of arriving(this.#body, this.#maxBytes)) {
        size += chunk.length;
        hash.update(chunk);
        await file.write(chunk);
      }
      return { path, size, sha256: hash.digest("hex") };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw new BkError("unavailable", "the server has no room for the file now");
      throw error;
    } finally {
      await file.close();
    }
  }
}
