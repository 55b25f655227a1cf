import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A clean database in a folder of its own, for the tests; it needs no server. */
export const fixture = {
  name: "level",
  driver: "level",
  env: undefined,
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const folder = join(tmpdir(), `bk-level-${randomUUID()}`);
    return { url: `level:${folder}`, clean: () => rm(folder, { recursive: true, force: true }) };
  },
};
