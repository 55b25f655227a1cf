// A bk-server with modules on SQLite in a process of its own; or the statements of its endpoints alone, on a file with the same tables.

import { addAccount } from "@bk/auth";
import { accounts, type BackendModule, connections, counters, icons, messages, type ModuleHost } from "@bk/modules";
import { type BkServer, createServer } from "@bk/server";

import { answerOrders } from "./answer.js";
import { memory } from "./memory.js";
import { loginOf, secretOf } from "./modules-requests.js";
import { plainStatements } from "./modules-sql.js";

export interface ModulesServerOptions {
  readonly modules: "server" | "sql";
  /** A folder for its database and its files. */
  readonly home: string;
  /** How many accounts it has. */
  readonly accounts: number;
}

export type ModulesServerOrder =
  | { readonly kind: "start" | "memory" | "cpu" | "end" }
  /** Tells each account of an event, or the first one alone. */
  | { readonly kind: "publish"; readonly marker: string; readonly to: "each" | "first" }
  | { readonly kind: "turn"; readonly cell: "message" | "connection"; readonly ms: number };

if (process.send !== undefined && process.argv[2]?.includes('"modules"')) run(JSON.parse(process.argv[2]) as ModulesServerOptions);

function run({ modules, home, accounts: count }: ModulesServerOptions): void {
  const masterKey = "a key of the benchmark that hides nothing";
  let server: BkServer;
  let ids: readonly string[] = [];
  let host: ModuleHost;
  let sql: ReturnType<typeof plainStatements>;

  async function start(): Promise<{ port: number; ids: readonly string[] }> {
    const probe: BackendModule = {
      name: "probe",
      tables: {},
      start(lent) {
        host = lent;
        return { name: "probe", endpoints: [] };
      },
    };
    server = await createServer({
      db: `sqlite:${home}/bench.db`,
      home,
      modules: [accounts({ subscribe: { mostOfAccount: 1_000_000 } }), connections(), counters(), messages(), icons(), probe],
      masterKey,
      limits: { maxConnections: 1_000_000 },
    });
    const made: string[] = [];
    for (let i = 0; i < count; i++)
      made.push((await addAccount(server.db, { login: loginOf(i), name: loginOf(i), secret: secretOf(i) }, { masterKey })).id);
    for (const [i, id] of made.entries()) await host.db.put("bk_account", { id, login: loginOf(i), name: loginOf(i) });
    ids = made;
    if (modules === "server") return { port: (await server.listen({ port: 0 })).port, ids };
    await server.close();
    sql = plainStatements(`${home}/bench.db`, ids);
    return { port: 0, ids };
  }

  async function publish(marker: string, to: "each" | "first"): Promise<{ at: number }> {
    const at = performance.timeOrigin + performance.now();
    const event = { path: "/bench", mtime: Date.now(), marker };
    await Promise.all((to === "first" ? ids.slice(0, 1) : ids).map((id) => host.events.publish(id, event)));
    return { at };
  }

  function turn(cell: "message" | "connection", ms: number): { perSecond: number } {
    const begun = performance.now();
    let done = 0;
    while (performance.now() - begun < ms) for (let i = 0; i < 20; i++, done++) sql[cell]();
    return { perSecond: done / ((performance.now() - begun) / 1000) };
  }

  answerOrders(async (order: ModulesServerOrder) => {
    switch (order.kind) {
      case "start":
        return start();
      case "memory":
        return memory();
      case "publish":
        return publish(order.marker, order.to);
      case "turn":
        return turn(order.cell, order.ms);
      case "cpu": {
        const { user, system } = process.cpuUsage();
        return { cpuUs: user + system };
      }
      case "end":
        return modules === "server" ? server.close() : sql.close();
    }
  });
}
