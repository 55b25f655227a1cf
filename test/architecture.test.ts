// The rules that the folder layout states, checked on the sources.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each package with the ones that it may import. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: [],
  db: ["core"],
  cache: ["core"],
  // By import on first use, for the URLs that begin with db:.
  queue: ["core", "db"],
  auth: ["core", "db"],
  modules: ["core", "db", "cache", "queue", "auth"],
  server: ["core", "db", "cache", "queue", "auth", "modules"],
};

/**
 * The folders and lone files of @bk/db, from the bottom up: each imports only from those before it, types included.
 * normalize, plan, compile, execute and present are the stages of a call, in order.
 */
const order = [
  "errors",
  "schema",
  "reference",
  "driver",
  "engines",
  "drivers",
  "normalize",
  "plan",
  "compile",
  "execute",
  "present",
  "calls",
  "api",
  "index",
  "knex",
  "otel",
  "testing",
];

/** Folders of @bk/db that a driver may import from, beside its own. */
const driverMayImport = /^(driver|errors|reference\/.+|schema\/.+|engines\/[^/]+)$/;
const engines = ["engines/sql", "engines/kv"];
/** The one file of another driver that a driver may import. */
const sharedOfADriver = /^drivers\/[^/]+\/dialect$/;

/** Longer than 400 lines, with the reason. */
const longFiles: Readonly<Record<string, string>> = {
  "packages/db/src/driver.ts": "the contract, which is read as a whole",
};

/** What names a place outside this repository. */
const foreignWords = /(^|[^\w.])\/work\/|\.\.\/shared\//;

interface Source {
  /** From the root, with slashes, such as `packages/db/src/driver.ts`. */
  readonly path: string;
  readonly package: string;
  readonly text: string;
}

const listed = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && !/(^|[/\\])(node_modules|dist|\.turbo|test-results)([/\\]|$)/.test(relative(root, entry.parentPath)),
    )
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));

const readSource = (path: string): Source => ({ path, package: path.split("/")[1]!, text: readFileSync(join(root, path), "utf8") });
const sources = Object.keys(layers).flatMap((name) =>
  listed(`packages/${name}/src`)
    .filter((path) => path.endsWith(".ts"))
    .map(readSource),
);
const published = sources.filter(({ path }) => !/(\.test|\.test-d|\/fixture)\.ts$/.test(path));

function importsOf({ text }: Source): string[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|(?:^|\n)\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/g,
  );
  return [...found].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** A relative import as a path inside `src`, without its ending. */
const resolved = (source: Source, to: string): string =>
  posix.relative(`packages/${source.package}/src`, posix.join(posix.dirname(source.path), to)).replace(/\.js$/, "");

/** A path inside `src`, without its ending. */
const inSource = (path: string): string => path.replace(/^packages\/[^/]+\/src\//, "").replace(/\.ts$/, "");

/** The first circle found from each file, as the files on it. */
function circlesIn(arrows: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const to of arrows.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of arrows.keys()) visit(file, []);
  return found;
}

describe("architecture", () => {
  it("finds the sources of every package", () => {
    for (const name of Object.keys(layers)) expect(sources.filter((source) => source.package === name)).not.toEqual([]);
  });

  it("packages import only those below them, by their public names", () => {
    const wrong = published.flatMap((source) =>
      importsOf(source)
        .filter((to) => to.startsWith("@bk/") || (to.startsWith(".") && resolved(source, to).startsWith("..")))
        .filter((to) => !layers[source.package]!.includes(to.split("/")[1]!) || to.startsWith("."))
        .map((to) => `${source.path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it("drivers import the contract, conditions, schema, changes, one engine, and of another driver at most its dialect", () => {
    const wrong: string[] = [];
    for (const source of published) {
      const own = /^packages\/db\/src\/(drivers\/[^/]+)\//.exec(source.path)?.[1];
      if (own === undefined) continue;
      for (const to of importsOf(source).filter((each) => each.startsWith("."))) {
        const path = resolved(source, to);
        const engine = engines.some((name) => path.startsWith(`${name}/`));
        const allowed = path.startsWith(`${own}/`) || engine || driverMayImport.test(path) || sharedOfADriver.test(path);
        if (!allowed) wrong.push(`${source.path} imports ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("the code of @bk/db names no driver outside its folder and the registry", () => {
    const drivers = readdirSync(join(root, "packages/db/src/drivers"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    // Memory is what transactions on engines without them are tried on.
    const named = new RegExp(
      `["'.](${drivers
        .map(({ name }) => name)
        .filter((name) => name !== "memory")
        .join("|")})\\b["']?`,
    );
    const code = (text: string): string => text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
    const own = published.filter((source) => source.package === "db" && !inSource(source.path).startsWith("drivers/"));
    expect(own.filter(({ text }) => named.test(code(text))).map(({ path }) => path)).toEqual([]);
  });

  it("@bk/db's folders import only those below them, types included", () => {
    const rankOf = (path: string): number => order.indexOf(path.split("/")[0]!);
    const own = published.filter((source) => source.package === "db");
    expect(own.filter(({ path }) => rankOf(inSource(path)) < 0).map(({ path }) => path)).toEqual([]);
    const wrong = own.flatMap((source) =>
      importsOf(source)
        .filter((to) => to.startsWith(".") && rankOf(resolved(source, to)) > rankOf(inSource(source.path)))
        .map((to) => `${source.path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it("no files import each other in a circle, types included", () => {
    const arrows = new Map(
      published.map((source) => [
        `${source.package}/${inSource(source.path)}`,
        importsOf(source)
          .filter((to) => to.startsWith("."))
          .map((to) => `${source.package}/${resolved(source, to)}`),
      ]),
    );
    expect(circlesIn(arrows)).toEqual([]);
  });

  it("a driver stands on one engine", () => {
    const used = new Map<string, Set<string>>();
    for (const source of published) {
      const own = /^packages\/db\/src\/drivers\/([^/]+)\//.exec(source.path)?.[1];
      if (own === undefined) continue;
      const its = used.get(own) ?? new Set();
      for (const to of importsOf(source)) {
        const top = to.startsWith(".") ? resolved(source, to).split("/").slice(0, 2).join("/") : "";
        if (engines.includes(top)) its.add(top);
      }
      used.set(own, its);
    }
    expect([...used].filter(([, its]) => its.size > 1).map(([name, its]) => `${name}: ${[...its].join(", ")}`)).toEqual([]);
  });

  it("files stay under 400 lines unless a reason is given", () => {
    const long = sources.filter(({ path, text }) => text.split("\n").length > 401 && !(path in longFiles)).map(({ path }) => path);
    expect(long).toEqual([]);
    const needless = Object.keys(longFiles).filter(
      (path) => (sources.find((source) => source.path === path)?.text.split("\n").length ?? 0) <= 401,
    );
    expect(needless).toEqual([]);
  });

  it("nothing is exported by default", () => {
    expect(sources.filter(({ text }) => /^export default\b|\bas default\b/m.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it("files are named in kebab case", () => {
    const odd = sources.map(({ path }) => path).filter((path) => !/^[a-z0-9-]+(\.test|\.test-d)?\.ts$/.test(posix.basename(path)));
    expect(odd).toEqual([]);
  });

  it("client libraries of databases are imported on first use, never when a file loads", () => {
    const clients =
      /^(pg|mysql2|ioredis|mongodb|better-sqlite3|lmdb$|classic-level|cassandra-driver|@aws-sdk\/|@nats-io\/|amqplib|hazelcast-client)/;
    const wrong = published.flatMap((source) => {
      const eager = source.text.matchAll(/(?:^|\n)import(?!\s+type\b)[^"';]*?"([^"]+)"/g);
      return [...eager].filter((match) => clients.test(match[1]!)).map((match) => `${source.path} imports ${match[1]}`);
    });
    expect(wrong).toEqual([]);
  });

  it("modules of Node are asked for, never imported, by what runs where there is no Node", () => {
    const imports = /(?:^|\n)(?:import|export)(?!\s+type\b)[^"';]*?\bfrom\s*"node:|(?:^|\n)import\s*"node:|(?<!typeof )\bimport\(\s*"node:/;
    const ours = published.filter((source) => source.package === "core" || source.package === "db");
    expect(ours.filter(({ text }) => imports.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it("nothing refers to places outside the repository", () => {
    const self = "test/architecture.test.ts";
    const files = [...listed("packages"), ...listed("test"), ...listed("scripts")].filter(
      (path) => path !== self && /\.(ts|js|json|md|lua|sh|ya?ml)$/.test(path),
    );
    expect(files.filter((path) => foreignWords.test(readFileSync(join(root, path), "utf8")))).toEqual([]);
  });
});
