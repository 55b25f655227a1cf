// `@bk/db/kv`: what a driver for a key-value database is made of.

export { kvDriver, type KvCommand, type KvDriverOptions } from "./engine.js";
export { followWrite } from "./after-write.js";
export type { Awaitable } from "./at-once.js";
export { kvStoreOver, type MapCheck, type MapReads, type OrderedMap } from "./ordered-map.js";
export { kvStoreByRow } from "./row-store.js";
export {
  entryOf,
  justAfter,
  keyOfEntry,
  type KvChange,
  type KvCheck,
  type KvExpectation,
  type KvLink,
  type KvPage,
  type KvRange,
  type KvResult,
  type KvRowChange,
  type KvRowExpectation,
  type KvRowOutcome,
  type KvRowStore,
  type KvStore,
  type KvVersioned,
} from "./store.js";
export { compareText } from "../../schema/compare.js";
