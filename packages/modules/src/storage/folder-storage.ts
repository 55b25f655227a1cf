// Objects as files below a folder.

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

import { BkError } from "@bk/core";

import type { ObjectStorage } from "./object-storage.js";

const keyForm = /^(?!\.)[a-z0-9.-]+(\/(?!\.)[a-z0-9.-]+)*$/;

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

/** Where modules keep bytes that are told of no other place. */
export const serverStorage = ({ folder }: { readonly folder: string }): ObjectStorage => folderStorage(join(folder, "objects"));

/**
 * Keeps objects below a folder, which is made at the first write. A file is written beside its place, brought to the disk, and moved there.
 *
 * @param folder  servers that share the work need a folder that all of them see
 */
export function folderStorage(folder: string): ObjectStorage {
  const pathOf = (key: string): string => {
    if (!keyForm.test(key)) throw new BkError("invalid", "this is no key of an object");
    return join(folder, ...key.split("/"));
  };

  return {
    async put(key, bytes) {
      const path = pathOf(key);
      await mkdir(dirname(path), { recursive: true });
      const beside = `${path}.part-${randomBytes(6).toString("hex")}`;
      try {
        const isFile = !(bytes instanceof Uint8Array);
        if (isFile) await copyFile(bytes.path, beside, constants.COPYFILE_EXCL);
        const file = await open(beside, isFile ? "r+" : "wx", 0o640);
        try {
          if (isFile) await file.chmod(0o640);
          else await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, path);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },

    async get(key, { range, signal } = {}) {
      try {
        const file = await open(pathOf(key), "r");
        const stream = file.createReadStream({ ...range, ...(signal === undefined ? {} : { signal }) });
        return Readable.toWeb(stream) as NodeReadableStream as ReadableStream<Uint8Array>;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    del: (key) => rm(pathOf(key), { force: true }),

    async *list(prefix) {
      const at = prefix.lastIndexOf("/");
      const below = prefix.slice(0, at);
      const names = await readdir(pathOf(below)).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      for (const name of names) {
        if (!name.startsWith(prefix.slice(at + 1))) continue;
        const key = `${below}/${name}`;
        const found = await stat(pathOf(key)).catch((error: unknown) => {
          if (isMissing(error)) return undefined;
          throw error;
        });
        if (found !== undefined) yield { key, mtime: found.mtimeMs };
      }
    },

    delAll: (below) => rm(pathOf(below), { recursive: true, force: true }),
  };
}
