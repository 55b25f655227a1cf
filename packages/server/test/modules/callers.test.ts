// Every endpoint of every module, as nobody, with false credentials, as another account and as an admin, and with values that
// do not belong there. What an endpoint does is for its module's own tests; here none may fail, or tell too much.

import { afterAll, beforeAll, expect, it } from "vitest";

import { temporaryFolder } from "../run-cli.js";
import type { Reply } from "../start-server.js";
import { everyEndpoint, pathOf, samplesOf } from "./every-endpoint.js";
import { onEngines } from "./on-engines.js";

/** They answer when there is something to tell, so that a call that is taken would wait. */
const waiting: ReadonlySet<string> = new Set(["/account/subscribe", "/channel", "/push"]);

const { found, modules } = everyEndpoint();

const hostile: readonly unknown[] = [
  {},
  [],
  [[["x"]]],
  "",
  " ",
  "\u0000",
  "\ud800",
  "../../etc/passwd",
  "__proto__",
  "x".repeat(3_000),
  -1,
  1.5,
  9_007_199_254_740_992,
  true,
  null,
  { $ne: null },
  { $ref: "0.id" },
  ["u_none", "u_none"],
  "u_none",
  "1",
];

/** Of the values each name gets a tenth, another one than its neighbour; with BK_FULL_E2E=1 all of them. */
const slices = process.env["BK_FULL_E2E"] === "1" ? 1 : 10;

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** What every refusal is, whatever it is about. */
function expectRefusal(where: unknown, { status, body, text }: Reply, statuses: readonly number[]): void {
  expect({ where, isExpected: statuses.includes(status), status, text: text.slice(0, 300) }).toMatchObject({ where, isExpected: true });
  expect({ where, body }).toEqual({
    where,
    body: expect.objectContaining({ status, code: expect.any(String), message: expect.any(String) }),
  });
}

onEngines(
  modules,
  (server) => {
    beforeAll(() => {
      expect(found.length).toBeGreaterThan(90);
    });

    it("every endpoint refuses callers that may not call it, before it looks at what they ask", async () => {
      const bob = await server.add("bob");
      for (const { endpoint } of found) {
        const path = pathOf(endpoint);
        const nobody = await server.test.call("", path, { signed: false, json: {} });
        const unknown = await server.test.call("nobody at all", path, { json: {} });
        const forged = await server.test.call(bob.login, path, { secret: "not that of bob", json: {} });
        if (endpoint.who === "account" || endpoint.who === "admin") expectRefusal([path, "nobody"], nobody, [401]);
        else expect([path, nobody.status < 500]).toEqual([path, true]);
        if (endpoint.who !== "anybody")
          for (const [name, reply] of Object.entries({ unknown, forged })) expectRefusal([path, name], reply, [401]);
        if (endpoint.who === "admin") expectRefusal([path, "account"], await server.test.call(bob.login, path, { json: {} }), [403]);
      }
    });

    it("no endpoint fails by a value that does not belong there, or tells what is not for its caller", { timeout: 240_000 }, async () => {
      const root = await server.add("root", "admin");
      for (const { endpoint, columns } of found) {
        if (waiting.has(endpoint.path)) continue;
        // Whoever is removed or gets another secret is not needed any more.
        const own = await server.add("own");
        const path = pathOf(endpoint);
        const samples = samplesOf(endpoint);
        const login = endpoint.who === "admin" ? root.login : own.login;
        const names = [...Object.keys(endpoint.parameters ?? {}), ...columns, "no_such_parameter", "__proto__", "_ops", "id[]"];
        const calls = names.flatMap((name, at) => hostile.filter((_value, i) => (i + at) % slices === 0).map((value) => ({ name, value })));
        for (const { name, value } of calls) {
          // As text, so that `__proto__` is a name like any other.
          const json = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as object;
          const reply = await server.test.call(login, path, { json: { ...samples, ...json } });
          const where = [path, name, value];
          expect({ where, status: reply.status, fails: reply.status >= 500 }).toMatchObject({ where, fails: false });
          expect({ where, tells: /secret of |bk_auth|\bat .*\.js/.test(reply.text) }).toEqual({ where, tells: false });
          if (endpoint.path === "/account/del" || endpoint.path === "/account/put/secret") break;
        }
      }
      expect(server.test.logged.filter((line) => line.includes("secret of "))).toEqual([]);
    });
  },
  { home: folder.path },
);
