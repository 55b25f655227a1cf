import { randomUUID } from "node:crypto";

/** A clean store of its own name in this process, for the tests; it lives while a database has it open. */
export const fixture = {
  name: "memory",
  driver: "memory",
  env: undefined,
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    return { url: `memory:${randomUUID()}`, clean: async () => undefined };
  },
};
