// A place for a socket that this server's processes alone can reach.

import { chownSync, lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isAnswered } from "./control.js";
import type { Owner } from "./privileges.js";

export interface LocalSocket {
  readonly path: string;
  /** Once there is a socket: gives it to the user that the processes become. */
  give(): void;
  remove(): void;
}

const prefix = "bk-web-";
/** As `mkdtemp` makes them: others may begin like it. */
const isOurs = new RegExp(`^${prefix}\\w{6}$`);
const socketName = "web.sock";
/** A folder that is being made has no socket yet. */
const newMs = 60_000;

/** In a folder of its own, which nobody else may enter. Paths of sockets are short, so that it is not in the home folder. */
export async function localSocket(owner: Owner | undefined, systemFolder = tmpdir()): Promise<LocalSocket> {
  await removeLeft(systemFolder, [process.getuid?.(), owner?.uid]);
  const folder = mkdtempSync(join(systemFolder, prefix));
  const path = join(folder, socketName);
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

/** Removes folders of primaries that were killed: those of these users whose socket nobody answers. */
async function removeLeft(systemFolder: string, users: readonly (number | undefined)[]): Promise<void> {
  for (const name of readdirSync(systemFolder)) {
    const folder = join(systemFolder, name);
    const state = isOurs.test(name) ? lstatSync(folder, { throwIfNoEntry: false }) : undefined;
    if (state?.isDirectory() !== true || !users.includes(state.uid) || Date.now() - state.mtimeMs < newMs) continue;
    if (!(await isAnswered(join(folder, socketName)))) rmSync(folder, { recursive: true, force: true });
  }
}
