// Giving up the rights of root: groups, group, user, in this order, and making sure that they are gone.

import { execFileSync } from "node:child_process";
import { lchownSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { invalidSetting } from "../config/errors.js";

/** Whom to become. */
export interface Owner {
  /** Name or number. */
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Looks up whom `uid` and `gid` name; undefined where neither is given.
 *
 * @throws SettingsError when this process is not root, or there is no such user or group
 */
export function ownerOf({ uid, gid }: { readonly uid: string | undefined; readonly gid: string | undefined }): Owner | undefined {
  if (uid === undefined && gid === undefined) return undefined;
  if (uid === undefined) throw invalidSetting("gid", "gid needs uid: root in another group is root all the same");
  if (process.getuid?.() !== 0) throw invalidSetting("uid", "uid needs a server that root starts");
  const user = /^\d+$/.test(uid) ? Number(uid) : ask("uid", "id", ["-u", "--", uid]);
  if (user === 0) throw invalidSetting("uid", "uid must be a user without the rights of root");
  const isUnnamed = gid === undefined && user === Number(uid);
  const group =
    isUnnamed || /^\d+$/.test(gid ?? "")
      ? Number(gid ?? uid)
      : gid === undefined
        ? ask("uid", "id", ["-g", "--", uid])
        : ask("gid", "getent", ["group", gid]);
  return { user: uid, uid: user, gid: group };
}

/** The number that a program of the system says. */
function ask(field: string, program: string, args: readonly string[]): number {
  try {
    const text = execFileSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return Number(text.split(":").at(program === "getent" ? 2 : 0));
  } catch (cause) {
    throw invalidSetting(field, `${field}: there is no ${args.at(-1)}`, cause);
  }
}

/**
 * Becomes another user, for good.
 *
 * @throws SettingsError when that fails, or root could be had back
 */
export function become({ user, uid, gid }: Owner): void {
  try {
    if (/^\d+$/.test(user)) process.setgroups!([gid]);
    else (process as unknown as { initgroups(user: string, group: number): void }).initgroups(user, gid);
    process.setgid!(gid);
    process.setuid!(uid);
  } catch (cause) {
    throw invalidSetting("uid", `uid: cannot become ${user} (${(cause as Error).message})`, cause);
  }
  if (process.getuid!() !== uid || process.getgid!() !== gid || canBeRoot())
    throw invalidSetting("uid", "uid: the rights of root are not gone");
}

function canBeRoot(): boolean {
  try {
    process.setuid!(0);
    return true;
  } catch {
    return false;
  }
}

/** Gives a folder and what is in it to another user; links themselves rather than what they lead to. */
export function giveFolder(folder: string, owner: Owner): void {
  const { uid, gid } = owner;
  lchownSync(folder, uid, gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveFolder(path, owner);
    else lchownSync(path, uid, gid);
  }
}
