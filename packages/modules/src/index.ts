// The package's front door: what a module is, and all of them. Each has an entry of its own too.

export * from "./contract/cache.js";
export { bothOf, type CallerDb, type DbFor, type RowVerb, type RuledTable, unruled } from "./contract/caller-db.js";
export * from "./contract/database.js";
export * from "./contract/directory.js";
export * from "./contract/endpoint.js";
export * from "./contract/event-stream.js";
export type * from "./contract/hooks.js";
export type * from "./contract/module.js";
export { defineModule, isModuleName, type ModuleDefinition, nameRule } from "./contract/define-module.js";
export {
  type AccountEvent,
  accountEvents,
  type AccountEvents,
  type AccountEventsOptions,
  type BusLike,
  type ToldEvent,
} from "./events/account-events.js";
export { hasSame } from "./common/bytes-reply.js";
export { rangeOf } from "./files/ranges.js";
export { type Look, visible } from "./common/visible.js";
export { type ListValues } from "./common/lists.js";
export { type PageReply, pageOptions, pageParameters, pageReply } from "./common/pages.js";

export { accounts, type AccountsOptions } from "./accounts/index.js";
export { connections, type ConnectionsOptions } from "./connections/index.js";
export { counters, type CountersOptions } from "./counters/index.js";
export { pico, type PicoModule, type PicoOptions } from "./pico/index.js";
export { pushcart, type PushcartModuleOptions } from "./pushcart/index.js";
export { system, type SystemOptions } from "./system/index.js";
export { pages, type PagesOptions } from "./pages/index.js";
export { moduleNames, modulesNamed, type ModuleSettings } from "./all.js";
export { messages, type MessagesOptions } from "./messages/index.js";
export { status, type StatusOptions } from "./status/index.js";
export { files, type FilesOptions } from "./files/index.js";
export { icons, type IconsOptions } from "./icons/index.js";
export { locations, type LocationsOptions } from "./locations/index.js";
