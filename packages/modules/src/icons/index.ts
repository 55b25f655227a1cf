// @bk/modules/icons: images of accounts.

import type { BackendModule } from "../contract/module.js";
import { serverStorage } from "../storage/folder-storage.js";
import type { ObjectStorage } from "../storage/object-storage.js";
import { type ImageEngine, plainImages } from "./image-engine.js";
import { iconRoutes } from "./routes.js";
import { iconService } from "./service.js";
import { sharedImages } from "./sharp-images.js";
import { iconRuled, iconTables } from "./tables.js";

export { type ImageChanges, type ImageEngine, type ImageType, type MadeImage, plainImages } from "./image-engine.js";
export { sharpImages, type SharpImagesOptions } from "./sharp-images.js";
export { type IconBytes, type IconName, iconService, type IconService, type IconServiceOptions, type NewIcon } from "./service.js";
export { iconTables } from "./tables.js";

export interface IconsOptions {
  /** Where the bytes are kept. Default: the server's folder, under `icons`; servers that share the work need one that all of them see, or `s3Storage`. */
  readonly storage?: ObjectStorage;
  /** What scales images; whoever gives it closes it. Default `sharpImages()`, else `plainImages()` where `sharp` is not installed. */
  readonly images?: ImageEngine;
  /** Most icons of an account by prefix; `*` stands for every other one. Default 100 each. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Prefixes of icons that have an address under `/image/`, if their owner says that everybody, or every account, may see them. Default `account` alone. */
  readonly publicPrefixes?: readonly string[];
  /**
   * URLs of icons are those of the bucket, signed, for so long, in milliseconds: a second to seven days. Whoever has one sees the icon until then. Needs a storage
   * that signs URLs, such as `s3Storage`. Default: URLs are those of the server, which looks who asks.
   */
  readonly signedUrlMs?: number;
}

/** The module `icons`: `/icon/get`, `select`, `put`, `upload`, `del`, the same for `/account/…/icon`, and `/image/`. */
export function icons(options: IconsOptions = {}): BackendModule {
  const { publicPrefixes = ["account"] } = options;
  return {
    name: "icons",
    tables: iconTables,
    ruled: iconRuled,
    start(host) {
      const shared = options.images === undefined ? sharedImages() : undefined;
      const images = options.images ?? shared;
      if (images === undefined) host.log.warn("sharp is not installed: icons are kept as they are uploaded");
      const service = iconService({
        ...host,
        ...options,
        publicPrefixes,
        storage: options.storage ?? serverStorage(host),
        images: images ?? plainImages(),
      });
      return {
        name: "icons",
        endpoints: iconRoutes(service, publicPrefixes),
        forget: (id) => service.forget(id),
        describe: service.urls,
        async close() {
          await shared?.close();
        },
      };
    },
  };
}
