// What npm packages named in `packages` bring along.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Config } from "../config/config.js";

/** The folders of a name, such as `web`, that packages have, in the order in which they are named. */
export function packageFolders(config: Pick<Config, "get">, folder: "modules" | "web" | "locales"): string[] {
  const get = config.get as (name: string) => unknown;
  const home = resolve((get.call(config, "home") as string | undefined) ?? ".");
  return ((get.call(config, "packages") ?? []) as readonly string[])
    .map((name) => join(home, "node_modules", name, folder))
    .filter((path) => existsSync(path));
}
