import { randomUUID } from "node:crypto";

interface Instance {
  url: string;
  options?: Record<string, unknown>;
  clean(): Promise<void>;
}

/** A database of its own on the server that the variable names. */
async function openInstance(env: string): Promise<Instance | undefined> {
  const server = process.env[env];
  if (server === undefined) return undefined;
  const { createConnection } = await import("mysql2/promise");
  const name = `bk_${randomUUID().replaceAll("-", "")}`;
  const at = server.replace(/^mariadb:/, "mysql:");
  const say = async (text: string): Promise<void> => {
    const connection = await createConnection(at);
    try {
      await connection.query(text);
    } finally {
      await connection.end();
    }
  };
  await say(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, clean: () => say(`DROP DATABASE ${name}`) };
}

/** A clean database on the MySQL server at BK_TEST_MYSQL, for the tests. */
export const fixture = { name: "mysql", driver: "mysql", env: "BK_TEST_MYSQL", open: () => openInstance("BK_TEST_MYSQL") };

/** A clean database on the MariaDB server at BK_TEST_MARIADB, for the tests. */
export const mariadbFixture = { name: "mariadb", driver: "mysql", env: "BK_TEST_MARIADB", open: () => openInstance("BK_TEST_MARIADB") };
