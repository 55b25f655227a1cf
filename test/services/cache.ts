import { createHash } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** The folder for downloads, outside the work tree and kept between runs: `$BK_CACHE`, else `~/.cache/bk-services`. */
export function cacheFolder(): string {
  const folder = process.env["BK_CACHE"] || join(homedir(), ".cache", "bk-services");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Checks a downloaded file before it is used.
 *
 * @throws Error  when its SHA-256 is not `expected`
 */
export async function checkFile(path: string, expected: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  if (found !== expected) throw new Error(`${path} has SHA-256 ${found}, expected ${expected}: remove it, so that it is downloaded again`);
}
