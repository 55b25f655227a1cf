// The configuration of a process: layers of settings become one snapshot, which is made again when one of them changes.

import { join, resolve } from "node:path";

import { type Clock, defineConfig, type Definitions, type Log, type Parameter, plainText, silentLog, systemClock } from "@bk/core";

import { changesOf } from "./changes.js";
import type { Config, ConfigOptions, Explained, Said } from "./config-interface.js";
import { configSettings } from "./config-settings.js";
import { type FileReading, type Given, isThere, readConfigFile, readGiven } from "./config-text.js";
import { type Found, Names } from "./define-config.js";
import { dnsSettings } from "./dns-layer.js";
import { SettingsError } from "./errors.js";
import type { Facts } from "./facts.js";
import { type Layers, settle, shown, shownDefault, type Snapshot } from "./layers.js";
import { type Environment, settingOf, unknownVariables } from "./variables.js";
import { FileWatch, tellUnwatched } from "./watch-files.js";

export type { Config, ConfigOptions, Explained, Said } from "./config-interface.js";

/**
 * Reads the configuration of a process.
 *
 * @throws SettingsError `invalid`, naming the setting and where it comes from
 */
export async function openConfig<D extends Definitions>(definitions: D, options: ConfigOptions = {}): Promise<Config<D>> {
  const config = new LayeredConfig({ ...configSettings, ...definitions }, options);
  try {
    await config.start();
  } catch (error) {
    await config.close();
    throw error;
  }
  return config as unknown as Config<D>;
}

const emptySnapshot: Snapshot = { settled: new Map(), said: () => [], warnings: [] };

class LayeredConfig implements Config {
  #definitions: Definitions;
  #names: Names;
  /** Words that names begin with which are not described yet. */
  #elsewhere: Set<string> = new Set();
  readonly #options: ConfigOptions;
  readonly #environment: Environment;
  readonly #clock: Clock;
  #facts: Facts;
  #snapshot = emptySnapshot;
  /** Why DNS gave nothing at the start. */
  #away: readonly string[] = [];
  #unknown: readonly string[] = [];
  /** What was read last from where reading may fail for a while. */
  #remote: Pick<Layers, "DNS" | "database"> = { DNS: [], database: [] };
  #rows: Awaited<ReturnType<NonNullable<ConfigOptions["rows"]>>> | undefined;
  #files = new Set<string>();
  #reading: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<(changed: ReadonlySet<string>) => void>();
  #watch: FileWatch | undefined;
  #timers: NodeJS.Timeout[] = [];
  #log: Log = silentLog;

  constructor(definitions: Definitions, options: ConfigOptions) {
    this.#definitions = definitions;
    this.#names = new Names(definitions, options.rename);
    this.#options = options;
    this.#environment = options.environment ?? process.env;
    this.#clock = options.clock ?? systemClock;
    this.#facts = {
      role: options.role ?? options.given?.["role"] ?? (this.#environment["BK_ROLE"] || "server"),
      home: this.#home(),
      environment: this.#environment,
      own: {},
      version: options.version ?? "0",
    };
  }

  get warnings(): readonly string[] {
    return [...this.#away, ...this.#snapshot.warnings, ...this.#unknown];
  }

  #home(): string {
    const given = this.#options.given?.["home"] ?? this.#environment["BK_HOME"] ?? this.#environment["BKJS_HOME"];
    return resolve(given === undefined || given === "" ? "." : given);
  }

  /** The first reading: what is near, then what that says to ask. */
  async start(): Promise<void> {
    this.#begin();
    const domain = this.get("config-domain") as string | undefined;
    if (domain !== undefined) {
      await this.#askDns(domain);
      this.#begin();
    }
    if (this.has("config-db")) {
      const open = this.#options.rows;
      if (open === undefined) throw new SettingsError("invalid", "config-db is not taken here", { detail: { field: "config-db" } });
      this.#rows = await open(this as unknown as Config);
      this.#remote = { ...this.#remote, database: await this.#fromRows() };
      this.#begin();
    }
  }

  /** Reads with what is known so far, of which follows what others describe. */
  #begin(): void {
    const { elsewhere } = this.#options;
    if (elsewhere !== undefined) {
      this.#names = new Names(this.#definitions, this.#options.rename, () => true);
      this.#take(this.#read());
      this.#elsewhere = new Set(elsewhere(this as unknown as Config));
    }
    this.#readAgain();
  }

  #readAgain(): void {
    this.#names = new Names(this.#definitions, this.#options.rename, (name) => this.#elsewhere.has(name.split("-")[0]!));
    this.#unknown = unknownVariables(this.#environment, this.#names);
    this.#take(this.#read());
  }

  async describe(byWord: Readonly<Record<string, Definitions>>): Promise<void> {
    const more = Object.entries(byWord).flatMap(([word, own]) =>
      Object.entries(own).map(([name, parameter]) => [`${word}-${name}`, parameter] as const),
    );
    const known = more.find(([name, own]) => Object.hasOwn(this.#definitions, name) && this.#definitions[name] !== own);
    if (known !== undefined) throw new SettingsError("invalid", `${known[0]} is there already`, { detail: { field: known[0] } });
    this.#definitions = defineConfig({ ...this.#definitions, ...Object.fromEntries(more) });
    for (const word of Object.keys(byWord)) this.#elsewhere.delete(word);
    this.#readAgain();
    const domain = this.get("config-domain") as string | undefined;
    if (domain === undefined || !more.some(([, { dns }]) => dns)) return;
    await this.#askDns(domain);
    this.#take(this.#read());
  }

  #take(read: { readonly snapshot: Snapshot; readonly facts: Facts }): void {
    this.#snapshot = read.snapshot;
    this.#facts = read.facts;
  }

  /** Reads what is near, and puts it together with what was read from afar. */
  #read(): { readonly snapshot: Snapshot; readonly facts: Facts } {
    const files = new Set<string>();
    const onFile = (path: string): void => {
      files.add(path);
      // Also where what is read is wrong: the file that is missing may be made next.
      this.#files.add(path);
    };
    const near = this.#nearest(onFile);
    const main = this.#mainFile(near);
    // What sections are chosen by is in the lines before them.
    const beginnings = this.#mainFiles(main, { facts: this.#facts, onFile, plain: true });
    const first = settle({ ...noLayers, ...near, ...beginnings, DNS: this.#remote.DNS }, this.#names, this.#facts.role, "local");
    const facts = { ...this.#facts, own: factsIn(first) };
    const reading = { facts, onFile };
    const layers: Layers = {
      ...near,
      ...this.#remote,
      ...this.#mainFiles(main, reading),
      package: this.#packages(first).flatMap((file) => readIfThere(file, reading)),
    };
    const local = settle(layers, this.#names, facts.role, "local");
    const isLed = local.settled.get("config-priority")?.value === "db";
    this.#files = files;
    return { snapshot: isLed ? settle(layers, this.#names, facts.role, "db") : local, facts };
  }

  /** What the main file and the local one beside it say. One that is given has to be there. */
  #mainFiles(main: MainFile, reading: FileReading): Pick<Layers, "file" | "local file"> {
    const local = { path: `${main.path}.local`, shown: `${main.shown}.local` };
    return {
      file: main.isGiven ? readConfigFile(main.path, main.shown, reading) : readIfThere(main, reading),
      "local file": readIfThere(local, reading),
    };
  }

  #packages(first: Snapshot): ConfigFile[] {
    const names = (first.settled.get("packages")?.value ?? []) as readonly string[];
    return names.map((name) => {
      if (!/^(@[\w.-]+\/)?[\w-][\w.-]*$/.test(name))
        throw new SettingsError("invalid", `packages: ${JSON.stringify(name.slice(0, 60))} is no npm package`);
      return { path: join(this.#facts.home, "node_modules", name, "etc/config"), shown: `${name}/etc/config` };
    });
  }

  #nearest(onFile: (path: string) => void): Pick<Layers, "environment" | "command line"> {
    const reading = { facts: this.#facts, onFile };
    const line = Object.entries(this.#options.given ?? {}).map(([name, text]) => readGiven(name, text, "the command line", ".", reading));
    const environment = Object.entries(this.#environment).flatMap(([variable, text]) => {
      const name = text === undefined || text === "" ? undefined : settingOf(variable, this.#names);
      return name === undefined ? [] : [readGiven(name, text!, variable, ".", reading)];
    });
    return { environment, "command line": line };
  }

  #mainFile(near: Pick<Layers, "environment" | "command line">): MainFile {
    const given = settle({ ...noLayers, ...near }, this.#names, this.#facts.role, "local").settled.get("config")?.text;
    if (given !== undefined) return { path: resolve(given), shown: given, isGiven: true };
    return { path: join(this.#facts.home, "etc/config"), shown: "etc/config", isGiven: false };
  }

  get(name: string): never {
    const parameter = this.#names.definitions[name];
    if (parameter === undefined)
      throw new SettingsError("invalid", `there is no parameter ${JSON.stringify(name)}`, { detail: { field: name } });
    const settled = this.#snapshot.settled.get(name);
    return (settled === undefined || settled.text === undefined ? parameter.default : settled.value) as never;
  }

  has(name: string): boolean {
    return this.#snapshot.settled.get(name)?.text !== undefined;
  }

  matching(definition: string): ReadonlyMap<string, unknown> {
    const found = new Map<string, unknown>();
    for (const { name, definition: own, text, value } of this.#snapshot.settled.values())
      if (own === definition && text !== undefined) found.set(this.#names.wordOf(definition, name)!, value);
    return found;
  }

  find(name: string): Found | undefined {
    return this.#names.find(name);
  }

  explain(given: string): Explained | undefined {
    const found = this.#names.find(given);
    return found === undefined ? undefined : this.#explained(found.name, found.parameter);
  }

  #explained(name: string, parameter: Parameter): Explained {
    const said: Said[] = this.#snapshot.said(name).map((own) => ({ layer: own.layer, where: own.where, text: shown(own) }));
    const fallback = shownDefault(parameter);
    if (fallback !== undefined) said.push({ layer: "default", where: "default", text: fallback });
    const first = this.#snapshot.said(name)[0];
    const text = first === undefined || first.text === undefined ? fallback : shown(first);
    return { name, help: parameter.help, text, said, live: parameter.live ?? false };
  }

  list(): Explained[] {
    return Object.entries(this.#names.definitions).flatMap(([definition, parameter]) => {
      if (!definition.includes("*")) return [this.#explained(definition, parameter)];
      return [...this.#snapshot.settled.values()]
        .filter((own) => own.definition === definition)
        .map(({ name }) => this.#explained(name, parameter));
    });
  }

  reload(): Promise<ReadonlySet<string>> {
    const next = this.#reading.then(
      () => this.#reload(),
      () => this.#reload(),
    );
    this.#reading = next;
    return next;
  }

  async #reload(): Promise<ReadonlySet<string>> {
    const domain = this.get("config-domain") as string | undefined;
    const [dns, database] = await Promise.allSettled([domain === undefined ? [] : this.#fromDns(domain), this.#fromRows()]);
    // Who cannot be reached has not changed its mind.
    if (dns.status === "fulfilled") this.#remote = { ...this.#remote, DNS: dns.value };
    else this.#log.warn("DNS gives no settings now; those read before hold", { reason: (dns.reason as Error).message });
    if (database.status === "fulfilled") this.#remote = { ...this.#remote, database: database.value };
    else
      this.#log.warn("the table bk_config cannot be read now; what was read before holds", { reason: (database.reason as Error).message });
    try {
      return this.#changeTo(this.#read());
    } finally {
      // Other files may be included now.
      this.#watch?.set(this.#files);
    }
  }

  #changeTo(read: { readonly snapshot: Snapshot; readonly facts: Facts }): ReadonlySet<string> {
    const before = this.#snapshot;
    const known = new Set(this.warnings);
    this.#take(read);
    for (const warning of this.warnings) if (!known.has(warning)) this.#log.warn(warning);
    const changes = changesOf(before, read.snapshot);
    if (changes.size === 0) return new Set();
    this.#log.info("the configuration changed", Object.fromEntries([...changes].map(([name, { text }]) => [name, text])));
    const late = [...changes].filter(([, { parameter }]) => !parameter.live).map(([name]) => name);
    if (late.length > 0) this.#log.warn(`${late.join(", ")}: used after a restart`);
    const names = new Set(changes.keys());
    if (this.#watch !== undefined && (names.has("config-dns-interval") || names.has("config-db-interval"))) this.#setTimers();
    for (const listener of this.#listeners) listener(names);
    return names;
  }

  #fromDns(domain: string): Promise<Given[]> {
    const asked = Object.entries(this.#names.definitions)
      .filter(([, { dns }]) => dns)
      .map(([name]) => name);
    return dnsSettings(domain, [...new Set([...asked, ...(this.get("dns-params") as readonly string[])])], this.#options.resolveTxt);
  }

  /** At the start, which does without those who do not answer. */
  async #askDns(domain: string): Promise<void> {
    try {
      this.#remote = { ...this.#remote, DNS: await this.#fromDns(domain) };
      this.#away = [];
    } catch (error) {
      this.#away = [`DNS gives no settings: ${(error as Error).message}`];
    }
  }

  async #fromRows(): Promise<Given[]> {
    return this.#rows === undefined ? [] : this.#rows.rows.given(this.#facts, this.#clock.now());
  }

  onChange(listener: (changed: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  watch(log: Log): void {
    this.#log = log;
    this.#watch = new FileWatch(this.#again, tellUnwatched(log));
    this.#watch.set(this.#files);
    this.#setTimers();
    // What has changed since it was read, while the server started, is told by nobody.
    this.#again();
  }

  readonly #again = (): void => reloadLogged(this, this.#log);

  #setTimers(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    const every = (ms: number): void => {
      if (ms > 0) this.#timers.push(setInterval(this.#again, ms).unref());
    };
    if (this.has("config-domain")) every(this.get("config-dns-interval"));
    if (this.#rows !== undefined) every(this.get("config-db-interval"));
  }

  async close(): Promise<void> {
    this.#watch?.close();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await this.#reading.catch(() => undefined);
    await this.#rows?.close();
    this.#rows = undefined;
  }
}

/** Reads a configuration again. What cannot be understood changes nothing, and is logged. */
export function reloadLogged(config: Pick<Config, "reload">, log: Log): void {
  config.reload().catch((error: unknown) => log.error(`the configuration is kept as it was: ${plainText((error as Error).message)}`));
}

interface ConfigFile {
  readonly path: string;
  /** Its name for people. */
  readonly shown: string;
}

interface MainFile extends ConfigFile {
  readonly isGiven: boolean;
}

function readIfThere({ path, shown }: ConfigFile, reading: FileReading): Given[] {
  return isThere(path, reading) ? readConfigFile(path, shown, reading) : [];
}

const noLayers: Layers = { package: [], file: [], "local file": [], DNS: [], database: [], environment: [], "command line": [] };

/** What sections are chosen by, of what is settled so far. */
function factsIn({ settled }: Snapshot): Facts["own"] {
  const of = (name: keyof typeof configSettings): string | undefined =>
    (settled.get(name)?.value ?? (configSettings[name] as Parameter).default) as string | undefined;
  return {
    mode: of("run-mode"),
    app: of("app-name"),
    tag: of("instance-tag"),
    region: of("instance-region"),
    zone: of("instance-zone"),
  };
}
