// Markdown files of one folder.

import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

import { notFound } from "../common/failures.js";

const largest = 1_000_000;
const segment = /^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,99}$/u;

/**
 * The text of a file below a folder. Whatever it is that there is not, or that may not be read, the refusal is the same.
 *
 * @param path  with slashes between its parts; each begins with a letter, a digit or `_`, and the last one ends in `.md`
 * @throws BkError `not-found`
 */
export async function readPageFile(folder: string, path: string): Promise<string> {
  const parts = path.split("/");
  if (!path.endsWith(".md") || !parts.every((part) => segment.test(part))) throw missing();
  try {
    const root = await realpath(folder);
    // A link may lead elsewhere: what is opened is what was looked at.
    const real = await realpath(join(root, ...parts));
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep) || !real.endsWith(".md")) throw missing();
    const file = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    try {
      const { size, isFile } = await file.stat().then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
      if (!isFile || size > largest) throw missing();
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isAway(error)) throw missing();
    throw error;
  }
}

const missing = (): Error => notFound("no page found");

const away: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG", "EISDIR", "ENXIO", "EINVAL"]);

function isAway(error: unknown): boolean {
  return error instanceof Error && "code" in error && away.has(error.code);
}
