// The package's front door.

export { openCache, type CacheOptions } from "./open-cache.js";
export { type Caches, type CacheSpec, openCaches } from "./open-caches.js";
export type { Cache } from "./cache.js";
export type { CacheStats, IncrManyOptions, IncrOptions, PutOptions, TaggedPutOptions } from "./cache-options.js";
export type { CallOptions } from "./calls.js";
export type { CodecName } from "./codec.js";
export type { DownPolicy, ReadOptions } from "./core.js";
export { CacheError, type CacheErrorOptions } from "./errors.js";
export type { LimitOptions, LimitReply } from "./limits.js";
export type { CacheList, ListAddOptions, ListPopOptions } from "./list.js";
export type { CacheLock, LockOptions } from "./locks.js";
export type { CacheMap, MapPutOptions } from "./map.js";
export { busOf, type BusOptions, type PubSubLike } from "./pubsub-bus.js";
export type { LoadContext, RememberOptions } from "./remember.js";
export type * from "./driver.js";
