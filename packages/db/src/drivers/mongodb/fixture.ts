import { randomUUID } from "node:crypto";

/** A database of its own on a test server. */
export const fixture = {
  name: "mongodb",
  driver: "mongodb",
  env: "BK_TEST_MONGODB",
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const given = process.env["BK_TEST_MONGODB"];
    if (given === undefined) return undefined;
    const [, server = "", query = ""] = /^(mongodb:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(given) ?? [];
    const name = `bk_${randomUUID().replaceAll("-", "")}`;
    return { url: `${server}/${name}${query}`, clean: () => dropDatabase(`${server}/${query}`, name) };
  },
};

async function dropDatabase(url: string, name: string): Promise<void> {
  const { MongoClient } = await import("mongodb");
  const client = new MongoClient(url);
  try {
    await client.db(name).dropDatabase();
  } finally {
    await client.close();
  }
}
