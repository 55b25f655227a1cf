// From the path of a request to a file below a folder, and to no other file.

import { realpathSync, type Stats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { relative, sep } from "node:path";

import { BkError } from "@bk/core";

/** Characters that no name has here: those that end texts, separate folders, or name streams and drives on Windows. */
const strange = /[\p{Cc}\\:*?"<>|]/u;
/** What may be asked for although it begins with a dot (RFC 8615). */
const wellKnown = ".well-known";

/**
 * The names in the path of a request, decoded once; undefined for one that is not served. A dot at the beginning of a name hides it, and a dot or blank at the end does
 * for Windows.
 *
 * @param path  as it was sent, without its query
 */
export function namesOf(path: string): readonly string[] | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  const names = decoded.split("/").slice(1);
  // An empty one is at the end alone: it asks for the folder.
  const isWrong = names.some((name, at) =>
    name === "" ? at < names.length - 1 : isHidden(name, at) || strange.test(name) || /[. ]$/.test(name),
  );
  return !decoded.startsWith("/") || isWrong ? undefined : names;
}

const isHidden = (name: string, at: number): boolean => name.startsWith(".") && !(at === 0 && name === wellKnown);

/** Where a folder really is. @throws BkError `invalid` naming the option, for one that is not there */
export function realFolder(folder: string, option: string): string {
  try {
    return realpathSync(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new BkError("invalid", `${option}: the folder ${folder} cannot be read (${code})`, { detail: { field: option }, cause });
  }
}

/** What a path fails with that leads to no file: too long a name, a file in place of a folder, a circle of links, what the server may not read. */
const nowhere: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES", "EINVAL"]);

/**
 * Where a file really is; undefined when there is none, it is not below the folder, or is another one than was named.
 *
 * @param root  where the folder really is
 * @param path  below it
 */
export async function filePlace(root: string, path: string): Promise<{ readonly place: string; readonly stats: Stats } | undefined> {
  try {
    const place = await realpath(path);
    if (!isPlace(relative(root, place), relative(root, path))) return undefined;
    const stats = await stat(place);
    return stats.isFile() ? { place, stats } : undefined;
  } catch (error) {
    if (nowhere.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

/**
 * Whether a file that was found may be served.
 *
 * @param real  where it is, below the folder
 * @param asked  what was asked for; a symbolic link makes another one of it. On file systems that take `A` for `a`, or one spelling of a letter for another, one file
 *   has many names, of which rules by name would know one: it is served by its own.
 */
export function isPlace(real: string, asked: string): boolean {
  const names = real.split(sep);
  if (real === "" || names[0] === ".." || names.some((name, at) => isHidden(name, at))) return false;
  return real === asked || folded(real) !== folded(asked);
}

const folded = (path: string): string => path.normalize("NFKC").toLowerCase().toUpperCase().normalize("NFKC");
