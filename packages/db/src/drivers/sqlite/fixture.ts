import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A clean database in a file of its own, for the tests; it needs no server. */
export const fixture = {
  name: "sqlite",
  driver: "sqlite",
  env: undefined,
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const folder = join(tmpdir(), `bk-sqlite-${randomUUID()}`);
    return {
      url: `sqlite:${join(folder, "test.db")}`,
      // Tests do not have to outlive a power failure.
      options: { synchronous: "off" },
      clean: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

/** The same, where every statement that may take long is carried out in a thread, however small the file is. */
export const threadsFixture = {
  ...fixture,
  name: "sqlite-threads",
  open: async () => {
    const place = (await fixture.open())!;
    return { ...place, options: { ...place.options, threadsFromMb: 0 } };
  },
};
