// Scenarios of modules, on every engine that they are promised for: one server on an empty database of each.

import { addAccount } from "@bk/auth";
import type { BackendModule } from "@bk/modules";
import { afterAll, beforeAll, describe, it } from "vitest";

import { fixtures } from "../../../db/test/all-fixtures.js";
import { isWanted } from "../../../db/test/fixtures.js";
import type { ServerOptions } from "../../src/index.js";
import { masterKey, startServer, type TestServer } from "../start-server.js";

const engines: ReadonlySet<string> = new Set(["memory", "sqlite", "pg", "dynamodb", "redis", "mongodb", "cassandra"]);

export interface ModuleServer {
  /** The server of the engine, once it runs. */
  readonly test: TestServer;
  /** Adds an account whose secret is `secret of <login>`. @returns its login, which no other test has, and its id */
  add(name: string, type?: string): Promise<{ readonly login: string; readonly id: string }>;
}

/**
 * Runs the tests that `scenario` registers, on a server with the modules for each engine.
 *
 * @param options  further options of the server
 */
export function onEngines(
  modules: () => readonly BackendModule[],
  scenario: (server: ModuleServer) => void,
  options: Partial<ServerOptions> = {},
): void {
  for (const fixture of fixtures.filter(({ name }) => engines.has(name))) {
    describe(`driver: ${fixture.name}`, { timeout: 60_000 }, () => {
      if (!isWanted(fixture)) {
        it.skip("not run here", () => undefined);
        return;
      }
      let test: TestServer;
      let clean: () => Promise<void>;
      let count = 0;
      beforeAll(async () => {
        const opened = (await fixture.open())!;
        clean = opened.clean;
        test = await startServer({
          db: { pools: { main: { url: opened.url, ...(opened.options === undefined ? {} : { options: opened.options }) } } },
          tables: {},
          modules: modules(),
          ...options,
        });
      }, 180_000);
      afterAll(async () => {
        await test?.server.close();
        await clean?.();
      });
      scenario({
        get test() {
          return test;
        },
        async add(name, type) {
          const login = `${name}${++count}`;
          const account = { login, name, secret: `secret of ${login}`, ...(type === undefined ? {} : { type }) };
          return { login, id: (await addAccount(test.server.db, account, { masterKey })).id };
        },
      });
    });
  }
}
