import { randomUUID } from "node:crypto";

const open = async (): Promise<{ url: string }> => ({ url: `shared:test-${randomUUID()}` });

/** Each store has a name of its own; the first that opens it keeps it. */
export const pubSubFixture = { name: "shared", env: undefined, open };
export const queueFixture = { name: "shared", env: undefined, open };
