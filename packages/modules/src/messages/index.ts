// @bk/modules/messages: messages between accounts.

import type { BackendModule } from "../contract/module.js";
import { type ImageEngine, plainImages } from "../icons/image-engine.js";
import { sharedImages } from "../icons/sharp-images.js";
import { serverStorage } from "../storage/folder-storage.js";
import type { ObjectStorage } from "../storage/object-storage.js";
import { messageImages } from "./images.js";
import { messageRoutes } from "./routes.js";
import { messageService, type MessageServiceOptions } from "./service.js";
import { type MessageColumns, messageRuled, messageTables } from "./tables.js";

export { type MessageColumns, type MessageTables, messageTables } from "./tables.js";
export {
  type ImageName,
  type MessageImage,
  type MessageImageOptions,
  messageImages,
  type MessageImages,
  type SentImage,
} from "./images.js";
export {
  type Box,
  type MessageService,
  messageService,
  type MessageServiceOptions,
  type NewMessage,
  type SendOptions,
  type Sent,
  type Taking,
} from "./service.js";

export interface MessagesOptions extends Pick<MessageServiceOptions, "accepts" | "perMinute"> {
  /** Columns of the app for each message, which its sender sets; sender and recipient change them in what they have. */
  readonly columns?: MessageColumns;
  /** Where images are kept. Default: the server's folder; servers that share the work need one that all of them see, or `s3Storage`. */
  readonly storage?: ObjectStorage;
  /** What makes images anew; whoever gives it closes it. Default `sharpImages()`, else `plainImages()` where `sharp` is not installed. */
  readonly images?: ImageEngine;
}

/** The module `messages`: `/message/add`, `get`, `read`, `archive`, `update`, `del`, `image`, for the inbox, the archive and what was sent. */
export function messages({ columns, storage, images, ...options }: MessagesOptions = {}): BackendModule {
  const own = messageTables(columns);
  return {
    name: "messages",
    tables: { ...own },
    ruled: messageRuled,
    start(host) {
      const shared = images === undefined ? sharedImages() : undefined;
      const pictures = messageImages({
        ...host,
        storage: storage ?? serverStorage(host),
        images: images ?? shared ?? plainImages(),
      });
      const service = messageService({ ...host, ...options, own, pictures });
      return {
        name: "messages",
        endpoints: messageRoutes(service, own),
        forget: (id) => service.forget(id),
        async close() {
          await shared?.close();
        },
      };
    },
  };
}
