import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A clean database in a file of its own, for the tests; it needs no server. */
export const fixture = {
  name: "lmdb",
  driver: "lmdb",
  env: undefined,
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const folder = join(tmpdir(), `bk-lmdb-${randomUUID()}`);
    // Tests do not have to outlive a power failure.
    return { url: `lmdb:${folder}`, options: { sync: false }, clean: () => rm(folder, { recursive: true, force: true }) };
  },
};
