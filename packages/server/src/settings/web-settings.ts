// Files for everybody, as settings.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { defineConfig, type OptionType, string } from "@bk/core";

import type { Config } from "../config/config.js";
import { invalidSetting } from "../config/errors.js";
import { duration, regexp, words } from "../config/value-types.js";
import type { StaticOptions } from "../static/static-options.js";

/** Hosts by a regular expression; behind a `!` those that it does not fit. */
const hosts: OptionType<RegExp> = {
  mustBe: `${regexp.mustBe}, behind a ! for all others`,
  read(given) {
    const isNot = typeof given === "string" && given.startsWith("!");
    const read = regexp.read(isNot ? given.slice(1) : given);
    // It is looked for anywhere in a name, and files are found by the whole of it.
    return read === undefined ? undefined : new RegExp(isNot ? `^(?!.*(?:${read.source})).*$` : `^.*(?:${read.source}).*$`);
  },
};

export const webParameters = defineConfig({
  web: {
    value: "list",
    type: words(),
    aliases: ["web-path", "app-path-web"],
    help: "folders with files for everybody, such as web; default: none; with development web in the home folder, where there is one. Behind them those of packages",
  },
  "web-*-host": {
    value: "regexp",
    word: "[a-z0-9][\\w.-]*",
    type: hosts,
    aliases: ["api-vhost-path-*"],
    help: "the hosts that find their files in the folder of that name below those of web; behind a !: all others",
  },
  "web-shared": {
    value: "regexp",
    type: regexp,
    aliases: ["api-no-vhost-path"],
    help: "paths of files that these hosts find in web itself; default: none",
  },
  "web-max-age": {
    value: "time",
    type: duration(),
    default: 0,
    help: "how long browsers keep a file without asking whether it has changed; one with a hash in its name they keep for a year",
  },
  "web-no-store": {
    value: "regexp",
    type: regexp,
    aliases: ["api-no-cache-files"],
    help: "paths of files that nobody keeps; default: none",
  },
  "web-*-type": {
    value: "type",
    type: string("a media type such as text/plain", (text) => /^[\w.+-]+\/[\w.+-]+(; *[\w-]+=[\w-]+)*$/.test(text)),
    aliases: ["api-mime-map-*"],
    help: "the media type of files with that ending, beside those that are known",
  },
});

/**
 * Undefined where no files are sent.
 *
 * @param usual  the folders where none are given
 * @param ofPackages  further ones, which are looked in when these have no such file
 * @throws SettingsError for a folder of hosts that is not there
 */
export function staticOf(
  config: Pick<Config<typeof webParameters>, "get" | "matching">,
  usual: readonly string[] = [],
  ofPackages: readonly string[] = [],
): StaticOptions | undefined {
  const roots = [...(config.get("web") ?? usual), ...ofPackages];
  const byFolder = config.matching("web-*-host") as ReadonlyMap<string, RegExp>;
  if (roots.length === 0) {
    const [folder] = byFolder.keys();
    if (folder !== undefined) throw invalidSetting(`web-${folder}-host`, `web-${folder}-host needs web`);
    return undefined;
  }
  const ofHosts = [...byFolder].map(([folder, host]) => {
    const own = roots.map((root) => join(root, folder)).filter((path) => existsSync(path));
    if (own.length === 0) throw invalidSetting(`web-${folder}-host`, `web-${folder}-host: there is no folder ${folder} below web`);
    return { host, roots: own };
  });
  return {
    roots,
    hosts: ofHosts,
    shared: config.get("web-shared"),
    maxAgeMs: config.get("web-max-age"),
    noStore: config.get("web-no-store"),
    types: Object.fromEntries(config.matching("web-*-type") as ReadonlyMap<string, string>),
  };
}
