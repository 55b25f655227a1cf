import { randomUUID } from "node:crypto";

/** mongo-java-server tells decimals apart as doubles. MongoDB compares them exactly. */
const confused = ["1234567890123456789012345678901234", "0.000000000000000000000000000001"];

/** A database of its own on a test server. */
export const fixture = {
  name: "mongodb",
  driver: "mongodb",
  env: "BK_TEST_MONGODB",
  confused,
  open: () => openInstance("BK_TEST_MONGODB"),
};

/** The same on a replica set, which has transactions. */
export const setFixture = {
  name: "mongodb-set",
  driver: "mongodb",
  env: "BK_TEST_MONGODB_SET",
  confused,
  open: () => openInstance("BK_TEST_MONGODB_SET"),
};

async function openInstance(env: string): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
  const given = process.env[env];
  if (given === undefined) return undefined;
  const [, server = "", query = ""] = /^(mongodb:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(given) ?? [];
  const name = `bk_${randomUUID().replaceAll("-", "")}`;
  return { url: `${server}/${name}${query}`, clean: () => dropDatabase(`${server}/${query}`, name) };
}

async function dropDatabase(url: string, name: string): Promise<void> {
  const { MongoClient } = await import("mongodb");
  const client = new MongoClient(url);
  try {
    await client.db(name).dropDatabase();
  } finally {
    await client.close();
  }
}
