import { randomUUID } from "node:crypto";

const env = "BK_TEST_COUCHDB";

/** A clean database of its own on a test server. */
export const fixture = {
  name: "couchdb",
  driver: "couchdb",
  env,
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const server = process.env[env];
    if (server === undefined) return undefined;
    const url = server.replace(/\/[^/]*$/, `/bk_test_${randomUUID()}`);
    return { url, clean: () => remove(url) };
  },
};

async function remove(url: string): Promise<void> {
  const { username, password, host, pathname } = new URL(url.replace(/^couchdb/, "http"));
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const response = await fetch(`http://${host}${pathname}`, { method: "DELETE", headers: { authorization } });
  // A test may have needed no database.
  if (!response.ok && response.status !== 404) throw new Error(`the database of a test cannot be removed: ${await response.text()}`);
}
