// @bk/modules/files: files of accounts.

import { BkError } from "@bk/core";

import type { BackendModule } from "../contract/module.js";
import { serverStorage } from "../storage/folder-storage.js";
import type { ObjectStorage } from "../storage/object-storage.js";
import { fileRoutes } from "./routes.js";
import { fileService } from "./service.js";
import { fileTables } from "./tables.js";

export { type FileBytes, type FileName, fileService, type FileService, type FileServiceOptions, type NewFile } from "./service.js";
export { fileTables } from "./tables.js";

export interface FilesOptions {
  /** Where the bytes are kept. Default: the server's folder, under `objects`; servers that share the work need one that all of them see, or `s3Storage`. */
  readonly storage?: ObjectStorage;
  /** Most files of an account. Default 1,000. */
  readonly maxFiles?: number;
  /** Most bytes of a file in JSON or a form, up to 100 MiB, which a server holds in memory while it arrives. Default 10 MiB. */
  readonly maxFileBytes?: number;
  /** Most bytes of a file that is the body of its request, up to 5 GiB: it goes to the server's disk while it arrives. Default 100 MiB. */
  readonly maxUploadBytes?: number;
  /** What media types files may have, such as `/image\/.+/`, by what is in them. Default all. */
  readonly types?: RegExp;
}

const mib = 1024 * 1024;

/**
 * The module `files`: `/file/get`, `select`, `put`, `add`, `del`.
 *
 * @throws BkError `invalid` for a limit that is none
 */
export function files(options: FilesOptions = {}): BackendModule {
  const { maxFiles = 1000, maxFileBytes = 10 * mib, maxUploadBytes = 100 * mib } = options;
  checkLimit("maxFiles", maxFiles, 1_000_000);
  checkLimit("maxFileBytes", maxFileBytes, 100 * mib);
  // What S3 takes as one object.
  checkLimit("maxUploadBytes", maxUploadBytes, 5 * 1024 * mib);
  return {
    name: "files",
    tables: fileTables,
    start(host) {
      const service = fileService({ ...host, ...options, storage: options.storage ?? serverStorage(host) });
      const endpoints = fileRoutes(service, { maxFileBytes, maxUploadBytes }, () => host.clock.now());
      return { name: "files", endpoints, forget: (id) => service.forget(id) };
    },
  };
}

function checkLimit(name: string, value: number, highest: number): void {
  if (!Number.isInteger(value) || value < 1 || value > highest)
    throw new BkError("invalid", `files: ${name} must be an integer from 1 to ${highest}`, { detail: { field: name } });
}
