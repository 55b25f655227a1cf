import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";

import { defineConfig, integer, type Log, string } from "@bk/core";
import { openDb } from "@bk/db";
import { describe, expect, expectTypeOf, it, vi } from "vitest";

import { temporaryFolder } from "../../test/run-cli.js";
import { type Config, type ConfigOptions, openConfig } from "./config.js";
import { ConfigRows, configTable, configTypes } from "./db-layer.js";
import { bool, words } from "./value-types.js";

const definitions = defineConfig({
  size: { type: integer(), default: 1, live: true, help: "how many", aliases: ["old-size"], dns: true },
  name: { type: string(), help: "what it is called" },
  open: { type: bool, default: false, help: "whether it is" },
  "own-key": { type: string(), secret: true, help: "opens it" },
  "own-*-url": { type: string(), help: "where each is" },
  roles: { type: words(), default: [], help: "what it does" },
});

function open(home: string, options: ConfigOptions = {}): Promise<Config<typeof definitions>> {
  return openConfig(definitions, { environment: {}, ...options, given: { home, ...options.given } });
}

function homeWith(files: Readonly<Record<string, string>>): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(folder.file(name.replace(/[^/]*$/, "")), { recursive: true });
    writeFileSync(folder.file(name), text);
  }
  return folder;
}

const recorded = (): { log: Log; lines: string[] } => {
  const lines: string[] = [];
  const write = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { lines, log: { debug: write, info: write, warn: write, error: write } };
};

/** Settings of each layer, from the weakest to the strongest. */
const layers = ["package", "file", "local file", "DNS", "database", "environment", "command line"] as const;

async function layered(which: readonly string[], priority?: string): Promise<Config<typeof definitions> & { readonly folder: Disposable }> {
  const size = (layer: (typeof layers)[number]): string => (which.includes(layer) ? `size=${layers.indexOf(layer) + 10}` : "");
  const value = (layer: (typeof layers)[number]): string => String(layers.indexOf(layer) + 10);
  const folder = homeWith({
    "etc/config": `packages=@our/pack\nconfig-domain=bk.test\nconfig-db=main\n${priority === undefined ? "" : `config-priority=${priority}\n`}${size("file")}`,
    "etc/config.local": size("local file"),
    "node_modules/@our/pack/etc/config": size("package"),
  });
  const db = await openDb({ url: "memory:", tables: configTable });
  const rows = new ConfigRows(db as never, () => "k".repeat(32));
  if (which.includes("database")) await rows.put({ type: "all", name: "size", value: value("database"), status: "ok" }, false);
  const config = await open(folder.path, {
    rows: () => Promise.resolve({ rows, close: () => db.close() }),
    resolveTxt: (name) =>
      name === "size.bk.test" && which.includes("DNS")
        ? Promise.resolve([[value("DNS").slice(0, 1), value("DNS").slice(1)]])
        : Promise.reject(Object.assign(new Error("none"), { code: "ENOTFOUND" })),
    environment: which.includes("environment") ? { BK_SIZE: value("environment") } : {},
    given: which.includes("command line") ? { size: value("command line") } : {},
  });
  return Object.assign(config, { folder });
}

describe("a configuration", () => {
  it("lets the strongest layer decide, whichever are there", async () => {
    for (let mask = 0; mask < 2 ** layers.length; mask++) {
      const which = layers.filter((_layer, i) => mask & (1 << i));
      const config = await layered(which);
      const strongest = which.at(-1);
      expect([which, config.get("size")]).toEqual([which, strongest === undefined ? 1 : layers.indexOf(strongest) + 10]);
      expect(config.explain("size")!.said.map(({ layer }) => layer)).toEqual([...which.toReversed(), "default"]);
      await config.close();
      config.folder[Symbol.dispose]();
    }
  });

  it("lets the table be stronger than the environment where config-priority says so", async () => {
    for (const [which, size] of [
      [["database", "environment"], 14],
      [["database", "command line"], 16],
    ] as const) {
      const config = await layered(which, "db");
      expect(config.get("size")).toBe(size);
      await config.close();
      config.folder[Symbol.dispose]();
    }
  });

  it("is typed by its definitions", async () => {
    using folder = homeWith({ "etc/config": "own-a-url=x\nown-b_c-url=y\nroles=web,worker\nopen=yes\nsize@worker=7\nsize=3" });
    const config = await open(folder.path, { role: "worker", environment: { BK_OWN_D_E_URL: "z" } });
    expectTypeOf(config.get("size")).toEqualTypeOf<number>();
    expectTypeOf(config.get("name")).toEqualTypeOf<string | undefined>();
    expect([config.get("size"), config.get("name"), config.get("open"), config.get("roles")]).toEqual([
      7,
      undefined,
      true,
      ["web", "worker"],
    ]);
    expect([...config.matching("own-*-url")]).toEqual([
      ["a", "x"],
      ["b_c", "y"],
      ["d_e", "z"],
    ]);
    await config.close();
  });

  it.each<[string, ConfigOptions, string]>([
    ["sise=1", {}, 'etc/config, line 1 has an unknown setting "sise"; did you mean size?'],
    ["size=x", {}, "etc/config, line 1: size must be an integer from 0"],
    // Also where something stronger decides, and where it is for another role.
    ["size@worker=x", { given: { size: "2" } }, "etc/config, line 1: size must be an integer"],
    ["open=next", {}, "open must be true or false"],
    ["home=/x", {}, "home decides where settings are looked for; give it on the command line or as BK_HOME"],
    ["name=", {}, "name is empty"],
    ["", { environment: { BK_SIZE: "x" } }, "BK_SIZE: size must be"],
    ["", { given: { "own-key@file": "/nosuch" } }, "own-key: cannot read /nosuch (ENOENT)"],
    ["config-db=main", {}, "config-db is not taken here"],
    ["packages=../x", {}, "is no npm package"],
  ])("refuses %j %o: %s", async (text, options, message) => {
    using folder = homeWith({ "etc/config": text });
    await expect(open(folder.path, options)).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(message) });
  });

  it("tells old names and variables without effect, and takes BKJS_ and _FILE", async () => {
    using folder = homeWith({ "etc/config": "old-size=4", secret: "hidden\n" });
    const environment = { BKJS_NAME: "n", BK_SISE: "1", BK_OWN_KEY_FILE: folder.file("secret") };
    const config = await open(folder.path, { environment });
    expect([config.get("size"), config.get("name"), config.get("own-key")]).toEqual([4, "n", "hidden"]);
    expect(config.warnings).toEqual([
      "etc/config, line 1: old-size is an old name; write size",
      "BK_SISE is no setting and has no effect; did you mean BK_SIZE?",
    ]);
    await config.close();
  });

  it("shows no secret", async () => {
    using folder = homeWith({ "etc/config": "own-key=hunter2\nname=postgres://me:hunter2@host/x" });
    const { log, lines } = recorded();
    const config = await open(folder.path);
    config.watch(log);
    writeFileSync(folder.file("etc/config"), "own-key=hunter22\nname=postgres://me:hunter22@host/x");
    await config.reload();
    expect(config.get("own-key")).toBe("hunter22");
    expect(JSON.stringify([config.list(), config.explain("own-key"), lines])).not.toContain("hunter2");
    expect(lines.join()).toContain('"own-key":"*** → ***"');
    await config.close();
  });

  it("changes while it runs, and falls back to the next layer where a line is gone", async () => {
    using folder = homeWith({ "etc/config": "size=2", "etc/config.local": "size=3" });
    const { log, lines } = recorded();
    const config = await open(folder.path);
    const changes: string[][] = [];
    const stop = config.onChange((names) => changes.push([...names]));
    config.watch(log);
    expect(config.get("size")).toBe(3);
    rmSync(folder.file("etc/config.local"));
    await vi.waitFor(() => expect(config.get("size")).toBe(2), { timeout: 5000 });
    // As editors do it.
    writeFileSync(folder.file("etc/new"), "size=5\nname=n");
    renameSync(folder.file("etc/new"), folder.file("etc/config"));
    await vi.waitFor(() => expect(config.get("size")).toBe(5), { timeout: 5000 });
    writeFileSync(folder.file("etc/config"), "size=x");
    await vi.waitFor(() => expect(lines.join()).toContain("kept as it was"), { timeout: 5000 });
    expect(config.get("size")).toBe(5);
    rmSync(folder.file("etc/config"));
    await vi.waitFor(() => expect(config.get("size")).toBe(1), { timeout: 5000 });
    stop();
    writeFileSync(folder.file("etc/config.local"), "size=9");
    await vi.waitFor(() => expect(config.get("size")).toBe(9), { timeout: 5000 });
    expect(changes).toEqual([["size"], ["size", "name"], ["size", "name"]]);
    expect(lines.filter((line) => line.includes("after a restart"))).toEqual([
      "name: used after a restart {}",
      "name: used after a restart {}",
    ]);
    await config.close();
  });

  it("notices a file whose folder was not there, and a changed secret file", async () => {
    using folder = homeWith({ key: "one" });
    const config = await open(folder.path, { environment: { BK_OWN_KEY_FILE: folder.file("key") } });
    config.watch(recorded().log);
    mkdirSync(folder.file("etc"));
    writeFileSync(folder.file("etc/config"), "size=6");
    await vi.waitFor(() => expect(config.get("size")).toBe(6), { timeout: 5000 });
    writeFileSync(folder.file("key"), "two");
    await vi.waitFor(() => expect(config.get("own-key")).toBe("two"), { timeout: 5000 });
    await config.close();
  });

  it("notices links that lead elsewhere, as in volumes of Kubernetes, and a folder that is replaced", async () => {
    using folder = homeWith({ "v1/config": "size=2", "v2/config": "size=3", "next/config": "size=4" });
    mkdirSync(folder.file("etc"));
    symlinkSync("../v1", folder.file("etc/..data"));
    symlinkSync("..data/config", folder.file("etc/config"));
    const config = await open(folder.path);
    config.watch(recorded().log);
    expect(config.get("size")).toBe(2);
    symlinkSync("../v2", folder.file("etc/..new"));
    renameSync(folder.file("etc/..new"), folder.file("etc/..data"));
    await vi.waitFor(() => expect(config.get("size")).toBe(3), { timeout: 5000 });
    renameSync(folder.file("etc"), folder.file("old"));
    renameSync(folder.file("next"), folder.file("etc"));
    await vi.waitFor(() => expect(config.get("size")).toBe(4), { timeout: 5000 });
    writeFileSync(folder.file("etc/config"), "size=5");
    await vi.waitFor(() => expect(config.get("size")).toBe(5), { timeout: 5000 });
    await config.close();
  });

  it("has what changed between its reading and its watching", async () => {
    using folder = homeWith({ "etc/config": "size=2" });
    const config = await open(folder.path);
    writeFileSync(folder.file("etc/config"), "size=3");
    config.watch(recorded().log);
    await vi.waitFor(() => expect(config.get("size")).toBe(3), { timeout: 5000 });
    await config.close();
  });

  it("notices an included file that is made after the line that names it", async () => {
    using folder = homeWith({ "etc/config": "size=2" });
    const { log, lines } = recorded();
    const config = await open(folder.path);
    config.watch(log);
    writeFileSync(folder.file("etc/config"), "include more");
    await vi.waitFor(() => expect(lines.join()).toContain("cannot read more (ENOENT)"), { timeout: 5000 });
    expect(config.get("size")).toBe(2);
    writeFileSync(folder.file("etc/more"), "size=3");
    await vi.waitFor(() => expect(config.get("size")).toBe(3), { timeout: 5000 });
    await config.close();
  });

  it("refuses a file that is there and cannot be read, rather than do without it", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("etc"));
    symlinkSync("config", folder.file("etc/config"));
    await expect(open(folder.path)).rejects.toThrow("cannot read etc/config (ELOOP)");
    rmSync(folder.file("etc/config"));
    mkdirSync(folder.file("etc/config"));
    await expect(open(folder.path)).rejects.toThrow("cannot read etc/config (EISDIR)");
  });
});

describe("DNS", () => {
  it("that fails keeps nothing from starting, and what was read holds when it fails later", async () => {
    using folder = homeWith({ "etc/config": "config-domain=bk.test" });
    let answer = (): Promise<string[][]> => Promise.reject(Object.assign(new Error("SERVFAIL"), { code: "ESERVFAIL" }));
    const config = await open(folder.path, { resolveTxt: (name) => (name.startsWith("size.") ? answer() : Promise.resolve([])) });
    expect([config.get("size"), config.warnings]).toEqual([1, ["DNS gives no settings: SERVFAIL"]]);
    answer = () => Promise.resolve([["8"]]);
    await config.reload();
    expect(config.get("size")).toBe(8);
    answer = () => Promise.reject(new Error("away"));
    await config.reload();
    expect(config.get("size")).toBe(8);
    await config.close();
  });
});

describe("the table bk_config", () => {
  it("gives the most particular row that holds now, to those that it is for", async () => {
    using folder = homeWith({ "etc/config": "config-db=main\nrun-mode=production\napp-name=shop\ninstance-tag=blue\ninstance-region=eu" });
    const db = await openDb({ url: "memory:", tables: configTable });
    const rows = new ConfigRows(db as never, () => "k".repeat(32));
    const put = (type: string, name: string, value: string, more: object = {}): Promise<void> =>
      rows.put({ type, name, value, status: "ok", ...more }, false);
    const config = await open(folder.path, {
      version: "1.4.0",
      role: "web",
      rows: () => Promise.resolve({ rows, close: () => db.close() }),
    });
    const sizes: unknown[] = [];
    const step = async (...args: Parameters<typeof put>): Promise<void> => {
      await put(...args);
      await config.reload();
      sizes.push(config.get("size"));
    };
    await step("all", "size", "2");
    await step("production", "size", "3");
    await step("development", "size", "4");
    await step("production-shop-blue", "size", "5");
    await step("production-shop-blue-us", "size", "6");
    await step("production-shop-web", "size", "7");
    await step("production-shop-web-eu", "size", "8", { version: ">=1.5" });
    await step("production-shop-web-eu", "size", "9", { version: ">=1.2, <2" });
    await step("production-shop-web-eu", "size", "10", { stime: new Date(Date.now() + 60_000) });
    await step("production-shop-web-eu", "size", "11", { etime: new Date(Date.now() - 60_000) });
    await step("production-shop-web-eu", "size", "12", { status: "off" });
    expect(sizes).toEqual([2, 3, 3, 5, 5, 7, 7, 9, 7, 7, 7]);
    // Another version of the app may have written what this one does not know.
    await put("all", "sise", "1");
    await put("all", "name", "");
    await config.reload();
    expect(config.get("size")).toBe(7);
    expect(config.warnings).toEqual([
      "bk_config all: name is empty; it is left out",
      'bk_config all has an unknown setting "sise"; did you mean size?; it is left out',
    ]);
    await config.close();
  });

  it("keeps secrets encrypted, each for its own setting", async () => {
    using folder = homeWith({ "etc/config": "config-db=main" });
    const db = await openDb({ url: "memory:", tables: configTable });
    const rows = new ConfigRows(db as never, () => "k".repeat(32));
    await rows.put({ type: "all", name: "own-key", value: "hunter2", status: "ok" }, true);
    const [stored] = await rows.list("all");
    expect(stored!.value).toMatch(/^enc:/);
    const config = await open(folder.path, { rows: () => Promise.resolve({ rows, close: () => Promise.resolve() }) });
    expect(config.get("own-key")).toBe("hunter2");
    await config.close();
    await db.put("bk_config", { type: "all", name: "name", value: stored!.value, status: "ok" });
    await expect(open(folder.path, { rows: () => Promise.resolve({ rows, close: () => Promise.resolve() }) })).rejects.toThrow(
      "stored secret",
    );
    await db.close();
  });

  it("knows whom rows may be for", () => {
    expect(configTypes({ role: "web", own: { mode: "m", app: "a", tag: "t", zone: "z" } })).toEqual(
      ["all", "m", "a", "m-a", "m-t", "m-a-t", "m-web", "m-a-web"].flatMap((kind) => [kind, `${kind}-z`]),
    );
  });
});

it("definitions that contradict themselves are refused", () => {
  expect(() => defineConfig({ Bad: { type: bool, help: "" } })).toThrow("must be lower case words with dashes");
  expect(() => defineConfig({ a: { type: bool, help: "", aliases: ["b"] }, b: { type: bool, help: "" } })).toThrow('"b": is there twice');
  expect(() => defineConfig({ a: { type: integer({ max: 5 }), default: 6, help: "" } })).toThrow(
    "its default must be an integer from 0 to 5",
  );
});
