import { randomUUID } from "node:crypto";

const env = "BK_TEST_RIAK";

/** Buckets of a prefix of its own on a test server. */
export const fixture = {
  name: "riak",
  driver: "riak",
  env,
  async open(): Promise<{ url: string; options: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const url = process.env[env];
    if (url === undefined) return undefined;
    const prefix = `bk-test-${randomUUID()}.`;
    return { url, options: { prefix }, clean: () => removeBuckets(url.replace(/^riak/, "http"), prefix) };
  },
};

async function removeBuckets(base: string, prefix: string): Promise<void> {
  const ask = async (path: string): Promise<Record<string, string[]>> =>
    (await (await fetch(base + path)).json()) as Record<string, string[]>;
  const { buckets } = await ask("/buckets?buckets=true");
  for (const bucket of buckets!.filter((name) => name.startsWith(prefix))) {
    const path = `/buckets/${encodeURIComponent(bucket)}/keys`;
    const { keys } = await ask(`${path}?keys=true`);
    for (const key of keys!) await (await fetch(`${base}${path}/${encodeURIComponent(key)}`, { method: "DELETE" })).text();
  }
}
