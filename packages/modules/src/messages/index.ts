// @bk/modules/messages: messages between accounts.

import type { BackendModule } from "../contract/module.js";
import { messageRoutes } from "./routes.js";
import { messageService, type MessageServiceOptions } from "./service.js";
import { type MessageColumns, messageTables } from "./tables.js";

export { type MessageColumns, type MessageTables, messageTables } from "./tables.js";
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
}

/** The module `messages`: `/message/add`, `get`, `read`, `archive`, `update`, `del`, for the inbox, the archive and what was sent. */
export function messages({ columns, ...options }: MessagesOptions = {}): BackendModule {
  const own = messageTables(columns);
  return {
    name: "messages",
    tables: { ...own },
    start(host) {
      const service = messageService({ ...host, ...options, own });
      return { name: "messages", endpoints: messageRoutes(service, own), forget: (id) => service.forget(id) };
    },
  };
}
