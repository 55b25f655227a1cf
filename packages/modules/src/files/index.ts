// @bk/modules/files: files of accounts.

import { checkLimit, mib } from "../common/limits.js";
import type { BackendModule } from "../contract/module.js";
import { serverStorage } from "../storage/folder-storage.js";
import type { ObjectStorage } from "../storage/object-storage.js";
import { fileRoutes } from "./routes.js";
import { defaultFileLimits, type FileLimits, fileService } from "./service.js";
import { fileRuled, fileTables } from "./tables.js";

export {
  type FileBytes,
  type FileLimits,
  type FileName,
  fileService,
  type FileService,
  type FileServiceOptions,
  type NewFile,
} from "./service.js";
export { fileTables } from "./tables.js";

export interface FilesOptions extends Partial<FileLimits> {
  /** Where the bytes are kept. Default: the server's folder, under `objects`; servers that share the work need one that all of them see, or `s3Storage`. */
  readonly storage?: ObjectStorage;
  /**
   * Rows of files have a `url` of the bucket, signed, for so long, in milliseconds: a second to seven days. Whoever has it reads the file until then. Needs a
   * storage that signs URLs, such as `s3Storage`. Default: they have none.
   */
  readonly signedUrlMs?: number;
  /** What media types files may have, such as `/image\/.+/`, by what is in them. Default all. */
  readonly types?: RegExp;
}

/**
 * The module `files`: `/file/get`, `select`, `put`, `add`, `del`.
 *
 * @throws BkError `invalid` for a limit that is none
 */
export function files(options: FilesOptions = {}): BackendModule {
  const limits: FileLimits = { ...defaultFileLimits, ...options };
  checkLimit("files", "maxFiles", limits.maxFiles, 1_000_000);
  checkLimit("files", "maxFileBytes", limits.maxFileBytes, 100 * mib);
  // What S3 takes as one object.
  checkLimit("files", "maxUploadBytes", limits.maxUploadBytes, 5 * 1024 * mib);
  return {
    name: "files",
    tables: fileTables,
    ruled: fileRuled,
    start(host) {
      const service = fileService({ ...host, ...options, limits, storage: options.storage ?? serverStorage(host) });
      const endpoints = fileRoutes(service, limits, () => host.clock.now());
      return { name: "files", endpoints, forget: (id) => service.forget(id) };
    },
  };
}
