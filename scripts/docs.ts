// `npm run docs`: writes what the docs say of the code: docs/reference (error codes, what each driver can do, the API), the
// list of decisions and the table of the README. `npm run docs -- --check` writes nothing and fails when something is out of date.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorCodes, silentLog, systemClock } from "@bk/core";
import type { Capabilities } from "@bk/db";
import { driverFor, driverNames } from "../packages/db/src/drivers/registry.js";
import { driverFor as cacheDriverFor, driverNames as cacheDriverNames } from "../packages/cache/src/drivers/registry.js";
import type { Capabilities as CacheCapabilities } from "../packages/cache/src/driver.js";
import { pubSubDriverFor } from "../packages/queue/src/pubsub/registry.js";
import { queueDriverFor } from "../packages/queue/src/queue/registry.js";
import { testDrivers } from "../test/runner/drivers.js";
import { commandsPage } from "./commands-page.js";
import { configurationPage } from "./configuration-page.js";
import { apiPages } from "./api-pages.js";
import { capabilitiesPage, driverTable, mainTable, markdownTable } from "./capability-tables.js";
import { endpointsPage } from "./endpoint-page.js";
import { plainCapabilitiesPage } from "./plain-tables.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const note = "<!-- Made by `npm run docs`; do not edit. -->";

const files = mkdtempSync(join(tmpdir(), "bk-docs-"));
/** A URL for each driver. Capabilities are known before a driver connects, so no server has to be there. */
const urls: Readonly<Record<string, string>> = {
  memory: "memory:",
  sqlite: "sqlite::memory:",
  postgres: "postgres://127.0.0.1/docs",
  mysql: "mysql://127.0.0.1/docs",
  mariadb: "mariadb://127.0.0.1/docs",
  dynamodb: "dynamodb://127.0.0.1:8000",
  mongodb: "mongodb://127.0.0.1/docs",
  cassandra: "cassandra://127.0.0.1/docs",
  redis: "redis://127.0.0.1",
  lmdb: `lmdb:${join(files, "lmdb")}`,
  level: `level:${join(files, "level")}`,
  couchdb: "couchdb://127.0.0.1/docs",
  elasticsearch: "elasticsearch://127.0.0.1",
  riak: "riak://127.0.0.1",
};

async function driverCapabilities(): Promise<Map<string, Capabilities>> {
  const forgotten = driverNames.filter((name) => !(name in urls));
  if (forgotten.length > 0) throw new Error(`scripts/docs.ts needs a URL for ${forgotten.join(", ")}`);
  const found = new Map<string, Capabilities>();
  for (const [name, url] of Object.entries(urls)) {
    const open = await driverFor(name);
    if (open === undefined) throw new Error(`there is no driver for ${name}:`);
    const driver = await open({ url, options: {}, clock: systemClock, log: silentLog });
    found.set(name, driver.capabilities);
    await driver.close();
  }
  rmSync(files, { recursive: true });
  return found;
}

/** A URL for each driver of caches. */
const cacheUrls: Readonly<Record<string, string>> = {
  local: "local:",
  shared: "shared:docs",
  redis: "redis://127.0.0.1",
  memcached: "memcached://127.0.0.1",
  hazelcast: "hazelcast://127.0.0.1",
  tiered: "tiered:redis://127.0.0.1",
};

async function cacheCapabilities(): Promise<Map<string, CacheCapabilities>> {
  const found = new Map<string, CacheCapabilities>();
  for (const name of cacheDriverNames) {
    const open = await cacheDriverFor(name);
    const url = cacheUrls[name];
    if (open === undefined || url === undefined) throw new Error(`scripts/docs.ts needs a URL for ${name} in cacheUrls`);
    const options = { clock: systemClock, log: silentLog, bytes: false };
    const openOther = async (other: string): ReturnType<typeof open> => {
      const opened = await cacheDriverFor(other.slice(0, other.indexOf(":")));
      if (opened === undefined) throw new Error(`there is no driver of caches for ${other}`);
      return opened({ url: other, options: {}, ...options, open: openOther });
    };
    const driver = await open({ url, options: {}, ...options, open: openOther });
    found.set(name, driver.capabilities);
    await driver.close();
  }
  return found;
}

/** A URL for each driver of work queues, by the name that a table has for it. */
const queueUrls: Readonly<Record<string, string>> = {
  local: "local:",
  shared: "shared:docs",
  redis: "redis://127.0.0.1",
  "db (SQLite)": "db:sqlite::memory:",
  nats: "nats://127.0.0.1",
  amqp: "amqp://127.0.0.1",
  hazelcast: "hazelcast://127.0.0.1",
  sqs: "sqs:?region=us-east-1",
  "sqs, FIFO": "sqs:?region=us-east-1&fifo=true",
};

/** A URL for each driver of publish and subscribe. */
const pubSubUrls: Readonly<Record<string, string>> = {
  local: "local:docs",
  shared: "shared:docs",
  redis: "redis://127.0.0.1",
  "redis, sharded": "redis-cluster://127.0.0.1?sharded=true",
  nats: "nats://127.0.0.1",
  amqp: "amqp://127.0.0.1",
  hazelcast: "hazelcast://127.0.0.1",
};

interface Opened {
  readonly capabilities: object;
  close(): Promise<void>;
}

/** What the drivers at these URLs can do, by their names. */
async function capabilitiesAt(
  urls: Readonly<Record<string, string>>,
  open: (url: string, scheme: string) => Promise<Opened>,
): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  for (const [name, url] of Object.entries(urls)) {
    const driver = await open(url, url.slice(0, url.indexOf(":")));
    found.set(name, driver.capabilities);
    await driver.close();
  }
  return found;
}

const plainOptions = { options: {}, clock: systemClock, log: silentLog };
const queueCapabilities = (): Promise<Map<string, object>> =>
  capabilitiesAt(queueUrls, async (url, scheme) => (await queueDriverFor(scheme))!({ queue: "docs", url, ...plainOptions }));
const pubSubCapabilities = (): Promise<Map<string, object>> =>
  capabilitiesAt(pubSubUrls, async (url, scheme) => (await pubSubDriverFor(scheme))!({ url, ...plainOptions }));

function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, { meaning, outcome }]) => [`\`${code}\``, meaning, outcome]);
  const intro =
    "Every error has a `code` to branch on, and an `outcome`: whether the change may have been made. An error may carry another outcome than the usual one.";
  return `# Error codes\n\n${intro}\n\n${markdownTable(["code", "meaning", "outcome"], rows)}\n`;
}

/** The decisions by number, each with its title. */
function decisionsPage(): string {
  const folder = join(root, "docs/decisions");
  const names = readdirSync(folder).filter((name) => /^\d.*\.md$/.test(name));
  const titles = names.sort().map((name) => `- [${/^# (.*)$/m.exec(readFileSync(join(folder, name), "utf8"))?.[1] ?? name}](${name})`);
  return `${note}\n\n# Decisions\n\nWhat another engineer may wonder about: the context, the choice, its consequences.\n\n${titles.join("\n")}\n`;
}

const tableMarks = ["<!-- capabilities: made by `npm run docs` -->", "<!-- /capabilities -->"] as const;

function readmeWith(table: string, path = "README.md"): string {
  const [open, close] = tableMarks;
  const text = readFileSync(join(root, path), "utf8");
  const [before, after] = [text.split(open)[0], text.split(close)[1]];
  if (before === undefined || after === undefined || before === text) throw new Error(`${path} needs ${open} and ${close}`);
  return `${before}${open}\n${table}\n${close}${after}`;
}

/** The READMEs of drivers that have a place for the table of what they do. */
function driverReadmes(): [path: string, text: string][] {
  return [...drivers].flatMap(([name, facts]): [string, string][] => {
    const path = `packages/db/src/drivers/${name}/README.md`;
    if (!existsSync(join(root, path)) || !readFileSync(join(root, path), "utf8").includes(tableMarks[0])) return [];
    return [[path, readmeWith(driverTable(name, facts), path)]];
  });
}

const drivers = await driverCapabilities();
const reference = new Map([
  ["errors.md", errorsPage()],
  ["endpoints.md", await endpointsPage()],
  ["configuration.md", configurationPage()],
  ["commands.md", commandsPage()],
  [
    "cache-capabilities.md",
    plainCapabilitiesPage(
      "Capabilities of caches",
      [{ contract: "packages/cache/src/driver.ts", drivers: await cacheCapabilities() }],
      testDrivers.filter(({ of }) => of === "cache"),
    ),
  ],
  [
    "queue-capabilities.md",
    plainCapabilitiesPage(
      "Capabilities of queues, and of publish and subscribe",
      [
        { heading: "Work queues", contract: "packages/queue/src/queue/driver.ts", drivers: await queueCapabilities() },
        { heading: "Publish and subscribe", contract: "packages/queue/src/pubsub/driver.ts", drivers: await pubSubCapabilities() },
      ],
      testDrivers.filter(({ of }) => of === "queue"),
    ),
  ],
  [
    "capabilities.md",
    capabilitiesPage(
      drivers,
      testDrivers.filter(({ of }) => of === undefined),
    ),
  ],
  ...[...apiPages(join(root, "docs"))].map(([name, text]): [string, string] => [`api/${name}`, text]),
]);
const pages = new Map([...reference].map(([name, text]) => [`docs/reference/${name}`, `${note}\n\n${text}`]));
pages.set("docs/decisions/README.md", decisionsPage());
pages.set("README.md", readmeWith(mainTable(drivers)));
for (const [path, text] of driverReadmes()) pages.set(path, text);

const old = existsSync(join(root, "docs/reference"))
  ? readdirSync(join(root, "docs/reference"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"))
  : [];
const gone = old.map((name) => `docs/reference/${name.replaceAll("\\", "/")}`).filter((path) => !pages.has(path));

if (process.argv.includes("--check")) {
  const stale = [...pages].filter(([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text);
  for (const path of [...stale.map(([path]) => path), ...gone]) console.error(`${path} is out of date: run \`npm run docs\``);
  process.exitCode = stale.length + gone.length === 0 ? 0 : 1;
} else {
  for (const path of gone) rmSync(join(root, path));
  for (const [path, text] of pages) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
