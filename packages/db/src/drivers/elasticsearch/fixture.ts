import { randomUUID } from "node:crypto";

/** A clean part of a test server: indexes that begin with a prefix of its own. Tests look at what several databases write. */
async function openInstance(env: string): Promise<{ url: string; options: Record<string, unknown>; clean(): Promise<void> } | undefined> {
  const url = process.env[env];
  if (url === undefined) return undefined;
  const prefix = `bk-test-${randomUUID()}-`;
  return { url, options: { prefix, shards: 1, replicas: 0, refresh: "always" }, clean: () => removeIndexes(url, prefix) };
}

async function removeIndexes(url: string, prefix: string): Promise<void> {
  const { host, username, password } = new URL(url.replace(/^[a-z]+:/, "http:"));
  const headers: Record<string, string> = {};
  if (username !== "") headers["authorization"] = `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`;
  const send = (method: string, path: string): Promise<Response> => fetch(`http://${host}/${path}`, { method, headers });
  const names = (await (await send("GET", `_cat/indices/${prefix}*?h=index`)).text()).split("\n").filter((name) => name !== "");
  // Several in one request, as many as an address may be long.
  for (let i = 0; i < names.length; i += 20) await send("DELETE", names.slice(i, i + 20).join(","));
}

/** The test instances of this driver. */
export const fixture = {
  name: "elasticsearch",
  driver: "elasticsearch",
  env: "BK_TEST_ELASTICSEARCH",
  open: () => openInstance("BK_TEST_ELASTICSEARCH"),
};

export const opensearchFixture = {
  ...fixture,
  name: "opensearch",
  env: "BK_TEST_OPENSEARCH",
  open: () => openInstance("BK_TEST_OPENSEARCH"),
};
