// A disk of a few megabytes: a tmpfs, which wants the right to mount one.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  /** @param size  as `mount` has it, such as `64m` */
  grow(size: string): void;
  remove(): void;
}

const mount = (...options: readonly string[]): void => void execFileSync("mount", options, { stdio: "ignore" });

/** @param size  as `mount` has it, such as `3m` */
export function mountSmallDisk(size: string): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "bk-full-"));
  try {
    mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  // Servers run as other users than root, and must be able to pass.
  chmodSync(folder, 0o755);
  return {
    folder,
    grow: (larger) => mount("-o", `remount,size=${larger}`, folder),
    remove() {
      // What a process that was killed still holds goes with it.
      execFileSync("umount", ["--lazy", folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

export function canMount(): boolean {
  try {
    mountSmallDisk("1m").remove();
    return true;
  } catch {
    return false;
  }
}
