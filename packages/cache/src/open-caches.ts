import { NamedClients } from "@bk/core";
import type { Cache } from "./cache.js";
import { type CacheOptions, openCache } from "./open-cache.js";

/** Where a cache is: a URL, or one with settings. */
export type CacheSpec = string | ({ readonly url: string } & CacheOptions);
/** Caches by name. */
export type Caches = NamedClients<Cache, CacheSpec>;

/**
 * Opens caches by name. `default` is `shared:` and `local` is `local:` where nothing else is said of them.
 *
 * @throws CacheError as `openCache`; BkError `invalid` for a name that has other than lower-case letters, digits and `_`
 */
export function openCaches(specs: Readonly<Record<string, CacheSpec>> = {}): Promise<Caches> {
  const open = (_name: string, spec: CacheSpec): Promise<Cache> => {
    if (typeof spec === "string") return openCache(spec);
    const { url, ...options } = spec;
    return openCache(url, options);
  };
  // A key that nobody has: what counts is the answer.
  const check = (cache: Cache): Promise<unknown> => cache.get("bk reached");
  return NamedClients.open<Cache, CacheSpec>({ what: "openCaches", open, check }, { default: "shared:", local: "local:", ...specs });
}
