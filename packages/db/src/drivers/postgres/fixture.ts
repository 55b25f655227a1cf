import { randomUUID } from "node:crypto";

/** A clean schema of its own on a test server. */
export const fixture = {
  name: "pg",
  driver: "postgres",
  env: "BK_TEST_PG",
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const url = process.env["BK_TEST_PG"];
    if (url === undefined) return undefined;
    const schema = `bk_${randomUUID().replaceAll("-", "")}`;
    await runOnce(url, `CREATE SCHEMA "${schema}"`);
    return { url, options: { schema }, clean: () => runOnce(url, `DROP SCHEMA IF EXISTS "${schema}" CASCADE`) };
  },
};

async function runOnce(url: string, text: string): Promise<void> {
  const { Client } = (await import("pg")).default;
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
