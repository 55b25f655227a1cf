import { randomUUID } from "node:crypto";

const open = async (): Promise<{ url: string }> => ({ url: `local:${randomUUID()}` });

/** What all drivers' fixtures have: a clean part of a test server. */
export const pubSubFixture = { name: "local", env: undefined, open };
export const queueFixture = { name: "local", env: undefined, open };
