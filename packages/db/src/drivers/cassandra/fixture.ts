import { randomUUID } from "node:crypto";

/** A keyspace of its own on the test server. */
export const fixture = {
  name: "cassandra",
  driver: "cassandra",
  env: "BK_TEST_CASSANDRA",
  async open(): Promise<{ url: string; clean(): Promise<void> } | undefined> {
    const given = process.env["BK_TEST_CASSANDRA"];
    if (given === undefined) return undefined;
    const keyspace = `bk_test_${randomUUID().replaceAll("-", "")}`;
    const url = given.replace(/\/\w+(\?|$)/, `/${keyspace}$1`);
    return { url, clean: () => dropKeyspace(url, keyspace) };
  },
};

async function dropKeyspace(url: string, keyspace: string): Promise<void> {
  const { cassandraDriver } = await import("./index.js");
  const { silentLog, systemClock } = await import("@bk/core");
  const driver = await cassandraDriver({ url, options: {}, clock: systemClock, log: silentLog });
  try {
    await driver.native!(`DROP KEYSPACE IF EXISTS ${keyspace}`);
  } finally {
    await driver.close();
  }
}
