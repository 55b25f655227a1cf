// Modules of an app: which are loaded and why, their settings, what runs where, and how they end.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { silentLog, string } from "@bk/core";
import { type BackendModule, defineModule } from "@bk/modules";
import { describe, expect, it, vi } from "vitest";

import { createServer } from "../src/index.js";
import { runHere, signedFetch, startServerProcess, temporaryFolder } from "./run-cli.js";

const packages = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** A folder with files by path. */
function appWith(files: Readonly<Record<string, string>>): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(folder.file(name)), { recursive: true });
    writeFileSync(folder.file(name), text);
  }
  symlinkSync(packages, folder.file("node_modules"));
  return folder;
}

/** A module that needs nothing of the packages. */
const plain = (name: string, more = ""): string =>
  `export default { name: "${name}", tables: {}, ${more} start: () => ({ name: "${name}", endpoints: [] }) };`;

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly why: string;
}

async function list(
  cwd: string,
  ...args: string[]
): Promise<{ code: number | null; stderr: string; own: Readonly<Record<string, string>> }> {
  const { code, stdout, stderr } = await runHere(["modules", "list", "--json", "--modules", "none", ...args], { cwd });
  const rows =
    stdout.trim() === ""
      ? []
      : stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Listed);
  return { code, stderr, own: Object.fromEntries(rows.map(({ name, state, why }) => [name, `${state}: ${why}`])) };
}

describe("bk-server modules list", () => {
  it("has those that npm packages bring along, whose files give them settings", async () => {
    using folder = temporaryFolder();
    for (const [name, text] of [
      ["modules/shop.js", plain("shop")],
      [
        "node_modules/acme/modules/pay.js",
        plain("pay", 'config: { bank: { help: "where it pays", type: { mustBe: "a text", read: (text) => text } } },'),
      ],
      ["node_modules/acme/etc/config", "pay-bank=acme\n"],
      ["node_modules/other/modules/never.js", plain("never")],
    ] as const) {
      mkdirSync(dirname(folder.file(name)), { recursive: true });
      writeFileSync(folder.file(name), text);
    }
    expect((await list(folder.path, "--app-import", "acme")).own).toEqual({ pay: "loaded: it is there", shop: "loaded: it is there" });
    const explained = await runHere(["config", "explain", "pay-bank", "--packages", "acme"], { cwd: folder.path });
    expect(explained.stdout).toContain("pay-bank = acme\n  where it pays");
  });

  it("has files and folders of modules, and none of what is beside them", async () => {
    using folder = appWith({
      "modules/shop.js": plain("shop"),
      "modules/mail/index.mjs": plain("mail"),
      "modules/_shared.js": "throw new Error('this is no module');",
      "modules/shop.test.js": "throw new Error('this is a test');",
      "modules/notes.md": "",
      "modules/texts/de.json": "{}",
      "more/late.js": plain("late"),
    });
    expect((await list(folder.path)).own).toEqual({ mail: "loaded: it is there", shop: "loaded: it is there" });
    expect((await list(folder.path, "--modules-path", "more")).own).toEqual({ late: "loaded: it is there" });
    expect(await list(folder.path, "--modules-path", "none")).toMatchObject({ code: 2, stderr: expect.stringContaining("modules-path") });
  });

  it("says which setting lets a module in or not, for each role", async () => {
    using folder = appWith({
      "modules/a.js": plain("a"),
      "modules/b.js": plain("b"),
      "modules/c.js": plain("c", 'roles: ["worker"],'),
      "etc/config": "allow-modules=^[abc]$\ndeny-modules=^b$\ndeny-modules-worker=^a$\n",
    });
    expect((await list(folder.path)).own).toEqual({
      a: "loaded: allow-modules has a",
      b: "skipped: deny-modules has it",
      c: "loaded: allow-modules has c",
    });
    expect((await list(folder.path, "--role", "web")).own["c"]).toBe("skipped: it is for worker processes");
    expect((await list(folder.path, "--role", "worker")).own).toMatchObject({
      a: "skipped: deny-modules-worker has it",
      b: "loaded: allow-modules has b",
    });
    expect((await list(folder.path, "--allow-modules-web", "^b$", "--role", "web")).own["a"]).toBe(
      "skipped: allow-modules-web does not have it",
    );
    expect((await list(folder.path, "--allow-modules-wbe", "^b$")).stderr).toContain("there is no role wbe");
  });

  it.each([
    ["a name that is none", { "modules/my-shop.js": plain("shop") }, "modules/my-shop.js is named like no module"],
    ["another name than its file", { "modules/a.js": plain("b") }, 'modules/a.js exports the module "b"'],
    ["two of one name", { "modules/a.js": plain("a"), "modules/a/index.js": plain("a") }, "has the name of modules/a"],
    ["the name of one of ours", { "modules/icons.js": plain("icons") }, "has the name of a module of @bk/modules"],
    ["no module", { "modules/a.js": "export const a = 1;" }, "modules/a.js has no module as its default export"],
    ["a fault", { "modules/a.js": "throw new Error('out of order');" }, "modules/a.js cannot be loaded: out of order"],
    ["a need of nothing", { "modules/a.js": plain("a", 'needs: ["z"],') }, "modules/a.js needs the module z, which is not there"],
    [
      "a circle",
      {
        "modules/a.js": plain("a", 'needs: ["b"],'),
        "modules/b.js": plain("b", 'needs: ["c"],'),
        "modules/c.js": plain("c", 'needs: ["a"],'),
      },
      "modules/a.js is on a circle: a needs b needs c needs a",
    ],
  ] as const)("names the file of a module with %s, and the server does not start", async (_what, files, message) => {
    using folder = appWith(files);
    const { code, own } = await list(folder.path);
    expect([code, Object.values(own).join("\n")]).toEqual([1, expect.stringContaining(`failed: modules: `)]);
    expect(Object.values(own).join("\n")).toContain(message);
    const { code: end, stderr } = await runHere(["--port", "0"], { cwd: folder.path });
    expect([end, stderr]).toEqual([1, expect.stringContaining(message)]);
  });

  it("starts without optional ones that fail, and without those that need them", async () => {
    using folder = appWith({
      "modules/a.js": "throw new Error('out of order');",
      "modules/b.js": plain("b", 'needs: ["a"],'),
      "modules/c.js": plain("c"),
      "etc/config": "optional-modules=^[ab]$",
    });
    expect(await list(folder.path)).toMatchObject({
      code: 0,
      own: {
        a: expect.stringContaining("out of order"),
        b: expect.stringContaining("needs the module a, which cannot be loaded"),
        c: "loaded: it is there",
      },
    });
  });
});

const shop = `
import { appendFileSync } from "node:fs";
import { anyRow, defineModule, endpoint } from "@bk/modules";
import { bool, integer, string } from "@bk/server/config";

const note = (what) => appendFileSync(process.env.NOTES, \`\${what}\\n\`);

export default defineModule({
  name: "shop",
  needs: ["base", "counters"],
  config: {
    currency: { type: string(), default: "EUR", help: "what prices are in", live: true },
    "max-items": { type: integer({ min: 1 }), default: 5, help: "most items of an order" },
    open: { type: bool, default: true, help: "whether it sells" },
    key: { type: string(), secret: true, help: "who it is for its bank" },
  },
  tables: { order: { id: { type: "uuid", primary: 1 }, what: {} } },
  start({ db, config, jobs }) {
    note("start shop");
    config.onChange((names) => note(\`changed \${[...names]}\`));
    return {
      endpoints: [
        endpoint({
          path: "/shop/buy",
          summary: "Buys",
          who: "anybody",
          changes: true,
          parameters: { what: { required: true } },
          reply: anyRow,
          async answer({ values: { what } }) {
            await db.add("order", { what });
            const { id } = await jobs.submit("ship", what);
            return { orders: await db.count("order", {}), currency: config.get("currency"), items: config.get("max-items"), open: config.get("open"), isJob: id !== "" };
          },
        }),
      ],
      jobs: { ship: { run: (what) => note(\`shipped \${what} in \${process.title.split(": ")[1]}\`) } },
      cron: [{ cron: "* * * * * *", job: "ship", input: "every second" }],
      begin: () => note("begin shop"),
      drain: () => note("drain shop"),
      close: async () => note("close shop"),
    };
  },
});
`;
const base = `
import { appendFileSync } from "node:fs";
import { defineModule } from "@bk/modules";

export default defineModule({
  name: "base",
  start() {
    appendFileSync(process.env.NOTES, "start base\\n");
    return { close: async () => appendFileSync(process.env.NOTES, "close base\\n") };
  },
});
`;
const files = {
  "modules/shop.js": shop,
  "modules/base/index.js": base,
  "etc/config": "shop-currency=USD\nshop-max-items=9\nshop-key@file=key\n",
  "etc/key": "hidden",
};

async function buy(url: string, what: string): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  return (await fetch(`${url}/shop/buy`, { method: "POST", headers, body: JSON.stringify({ what }) })).json();
}

describe("modules of an app", () => {
  it("have settings in the layers of all others, and in their commands", async () => {
    using folder = appWith(files);
    const options = { cwd: folder.path, env: { BK_SHOP_OPEN: "off", NOTES: folder.file("notes") } };
    const { stdout } = await runHere(["config", "list", "--shop-currency", "CHF"], options);
    for (const line of [
      "shop-currency = CHF   (the command line)",
      "shop-max-items = 9   (etc/config, line 2)",
      "shop-open = off   (BK_SHOP_OPEN)",
      "shop-key = ***",
    ])
      expect(stdout).toContain(line);
    expect((await runHere(["config", "explain", "shop-currency"], options)).stdout).toContain(
      "what prices are in\n  a change is used at once",
    );
    expect(await runHere(["config", "check", "--shop-max-items", "0"], options)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("shop-max-items must be an integer from 1"),
    });
    expect((await runHere(["config", "check", "--shop-curency=X"], options)).stderr).toContain("did you mean shop-currency?");
    expect((await runHere(["config", "set", "shop-key", "text"], options)).stderr).toContain("shop-key is a secret");
    // A command that runs none of their code takes what may be theirs, and nothing else.
    expect((await runHere(["account", "list", "--shop-max-items", "0"], options)).code).toBe(0);
    expect((await runHere(["account", "list", "--shp-max-items", "0"], options)).stderr).toContain("unknown setting");
  });

  it("run in a server of one process, with jobs and schedules, in order and back", async () => {
    using folder = appWith(files);
    const notes = (): string[] => readFileSync(folder.file("notes"), "utf8").trim().split("\n");
    await using server = await startServerProcess(["--port", "0", "--modules", "none"], {
      cwd: folder.path,
      env: { NOTES: folder.file("notes") },
    });
    expect(await buy(server.url, "a book")).toEqual({ orders: 1, currency: "USD", items: 9, open: true, isJob: true });
    await vi.waitFor(
      () => expect(notes()).toEqual(expect.arrayContaining(["shipped a book in server", "shipped every second in server"])),
      20_000,
    );
    writeFileSync(folder.file("etc/config"), files["etc/config"].replace("USD", "GBP"));
    await vi.waitFor(() => expect(notes()).toContain("changed currency"), 20_000);
    expect(await buy(server.url, "a pen")).toMatchObject({ orders: 2, currency: "GBP" });
    const { code, stderr } = await server.stop();
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    expect(notes().slice(0, 3)).toEqual(["start base", "start shop", "begin shop"]);
    expect(notes().slice(-2)).toEqual(["close shop", "close base"]);
  }, 60_000);

  it("run their jobs in job processes where there are some", async () => {
    using folder = appWith(files);
    const notes = (): string => readFileSync(folder.file("notes"), "utf8");
    const queue = `db:sqlite:${folder.file("queue.db")}`;
    const args = ["--port", "0", "--modules", "system", "--workers", "1", "--job-workers", "1", "--queue", queue, "--shop-currency", "CHF"];
    await using server = await startServerProcess(args, { cwd: folder.path, env: { NOTES: folder.file("notes") } });
    expect(await buy(server.url, "a book")).toMatchObject({ orders: 1, currency: "CHF", isJob: true });
    await vi.waitFor(() => {
      expect(notes()).toContain("shipped a book in worker");
      expect(notes()).toContain("shipped every second in worker");
    }, 20_000);
    expect(notes()).not.toMatch(/shipped .* in (web|server)/);
    // Admins see the queues, and submit what modules have.
    await runHere(["account", "add", "--login", "me", "--secret", "s", "--type", "admin"], { cwd: folder.path });
    const asAdmin = async (path: string): Promise<unknown> =>
      (await signedFetch({ url: `${server.url}${path}`, method: "POST", login: "me", secret: "s" })).json();
    expect(await asAdmin("/system/queue/stats")).toMatchObject({ default: { waiting: 0 }, modules: { dead: 0 } });
    expect(await asAdmin("/system/jobs/submit?name=shop.ship&input=%22a%20pen%22")).toEqual({ id: expect.any(String) });
    expect(await asAdmin("/system/jobs/submit?name=shop.burn")).toMatchObject({ status: 400 });
    await vi.waitFor(() => expect(notes()).toContain("shipped a pen in worker"), 20_000);
    expect((await server.stop()).code).toBe(0);
  }, 60_000);

  it("have their jobs known to commands, beside those of the file, each in its queue", async () => {
    const own = `import { defineJobs } from "@bk/queue";
      export const jobs = defineJobs({ count: { run: () => undefined }, "shop.ship": { run: () => { throw new Error("of the file") } } });`;
    using folder = appWith({ ...files, "jobs.mjs": own });
    const notes = (): string => readFileSync(folder.file("notes"), "utf8");
    const bk = async (...args: string[]): Promise<unknown> => {
      const options = { cwd: folder.path, env: { NOTES: folder.file("notes") } };
      const { code, stdout, stderr } = await runHere(["job", ...args, "--modules", "none"], options);
      return code === 0 ? stdout.trim() : stderr;
    };
    expect(await bk("run", "shop.ship", "--input", '"a lamp"')).toBe("shop.ship is done");
    // What runs by the clock is no part of it.
    expect(notes().match(/shipped .*(?= in)/g)).toEqual(["shipped a lamp"]);
    expect(await bk("run", "shop.ship", "--jobs", "jobs.mjs")).toBe("shop.ship is done");
    expect(await bk("run", "count", "--jobs", "jobs.mjs")).toBe("count is done");
    expect(await bk("run", "count")).toContain("there is no job count; there are shop.ship");
    expect(await bk("submit", "shop.ship")).toContain("set queue");
    const queue = ["--jobs", "jobs.mjs", "--queue", `db:sqlite:${folder.file("queue.db")}`, "--json"];
    const key = ["--key", "lamp", "--delay", "60000"];
    const first = JSON.parse((await bk("submit", "shop.ship", ...key, ...queue)) as string) as { id: string };
    expect(JSON.parse((await bk("submit", "shop.ship", ...key, ...queue)) as string)).toEqual({ id: first.id, duplicate: true });
    await bk("submit", "count", ...queue);
    expect(((await bk("list", ...queue)) as string).split("\n").map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { queue: "default", jobs: ["count", "shop.ship"], waiting: 1 },
      { queue: "modules", jobs: ["shop.ship"], delayed: 1 },
    ]);
  });

  it("name the file of one that does not start, and end what was started", async () => {
    using folder = appWith({
      "modules/base/index.js": base,
      "modules/late.js": plain("late").replace(
        "start: () =>",
        "needs: ['base'], start: () => { throw new TypeError('no way'); } , x: () =>",
      ),
    });
    const env = { NOTES: folder.file("notes") };
    const { code, stderr } = await runHere(["--port", "0", "--log-file", folder.file("log")], { cwd: folder.path, env });
    expect([code, stderr]).toEqual([1, expect.stringContaining("module late (modules/late.js) did not start: no way")]);
    expect(readFileSync(env.NOTES, "utf8")).toBe("start base\nclose base\n");
  });

  it("are left behind where they do not end in time", async () => {
    const log = { ...silentLog, error: vi.fn() };
    const ends: string[] = [];
    const module = (name: string, close: () => Promise<void>): BackendModule => defineModule({ name, start: () => ({ close }) });
    const server = await createServer({
      db: "memory:",
      masterKey: "32 characters or more, kept secret",
      modules: [module("first", async () => void ends.push("first")), module("stuck", () => new Promise(() => undefined))],
      limits: { shutdownMs: 20 },
      log,
    });
    await server.close();
    expect(ends).toEqual(["first"]);
    expect(log.error).toHaveBeenCalledExactlyOnceWith("module stuck did not end cleanly", expect.objectContaining({ code: "timeout" }));
  });

  it("submit no jobs where nobody would run them, and none that there are not", async () => {
    const runs = vi.fn();
    const shop = defineModule({ name: "shop", start: () => ({ jobs: { ship: { run: runs } } }) });
    const options = { db: "memory:", masterKey: "32 characters or more, kept secret", modules: [shop] } as const;
    const without = await createServer({ ...options, jobs: false });
    await expect(without.submitJob("shop.ship")).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("set queue"),
    });
    await without.close();
    const server = await createServer(options);
    expect(server.jobNames).toEqual(["shop.ship"]);
    await expect(server.submitJob("shop.burn")).rejects.toMatchObject({ code: "invalid" });
    await expect(server.cancelJobs({})).rejects.toMatchObject({ code: "invalid" });
    await server.submitJob("shop.ship", { to: "Rome" });
    await vi.waitFor(() => expect(runs).toHaveBeenCalledExactlyOnceWith({ to: "Rome" }, expect.anything()), 20_000);
    // It goes on until it is told to stop.
    let stopped: unknown;
    runs.mockImplementation(
      (_input: unknown, { signal }: { readonly signal: AbortSignal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject((stopped = signal.reason) as Error))),
    );
    await server.submitJob("shop.ship", { to: "Oslo" });
    await vi.waitFor(() => expect(runs).toHaveBeenCalledTimes(2), 20_000);
    expect(await server.cancelJobs({ name: "shop.ship" })).toBe(1);
    await vi.waitFor(() => expect(stopped).toMatchObject({ name: "Cancelled" }), 20_000);
    await server.close();
    const wrong = defineModule({ name: "wrong", start: () => ({ cron: [{ cron: "@daily", job: "none" }] }) });
    await expect(createServer({ ...options, modules: [wrong] })).rejects.toThrow("cron names the job wrong.none, which no module has");
  });

  it("are not made of what cannot be meant", () => {
    const start = (): object => ({});
    expect(() => defineModule({ name: "my-shop", start })).toThrow("is no name of a module");
    expect(() => defineModule({ name: "shop", config: { Currency: { type: string(), help: "" } }, start })).toThrow("lower case words");
  });
});
