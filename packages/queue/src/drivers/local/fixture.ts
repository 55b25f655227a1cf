import { randomUUID } from "node:crypto";

/** What all drivers' fixtures have: a clean part of a test server. */
export const pubSubFixture = {
  name: "local",
  env: undefined,
  open: async () => ({ url: `local:${randomUUID()}` }),
};
