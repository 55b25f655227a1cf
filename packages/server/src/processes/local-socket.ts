// A place for a socket that this server's processes alone can reach.

import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Owner } from "./privileges.js";

export interface LocalSocket {
  readonly path: string;
  /** Once there is a socket: gives it to the user that the processes become. */
  give(): void;
  remove(): void;
}

/** In a folder of its own, which nobody else may enter. Paths of sockets are short, so that it is not in the home folder. */
export function localSocket(owner: Owner | undefined): LocalSocket {
  const folder = mkdtempSync(join(tmpdir(), "bk-web-"));
  const path = join(folder, "web.sock");
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  return {
    path,
    give() {
      if (owner !== undefined) for (const each of [folder, path]) chownSync(each, owner.uid, owner.gid);
    },
    remove,
  };
}
