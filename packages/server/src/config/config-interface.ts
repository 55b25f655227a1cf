// What a configuration is for those who use it.

import type { Clock, ConfigValues, Definitions, Log } from "@bk/core";

import type { configSettings } from "./config-settings.js";
import type { ConfigRows } from "./db-layer.js";
import type { Found, Rename } from "./define-config.js";
import type { ResolveTxt } from "./dns-layer.js";
import type { Environment } from "./variables.js";

export interface ConfigOptions {
  /** What the command line gives, by name; names may have the marks `@ROLE` and `@file`. Default: nothing. */
  readonly given?: Readonly<Record<string, string>>;
  /** Default `process.env`. */
  readonly environment?: Environment;
  /** What this process does, for sections and `name@ROLE`; default: as `given.role` or BK_ROLE says, else `server`. */
  readonly role?: string;
  /** The version of the app, for sections and rows of the table. Default: that of bk-server. */
  readonly version?: string;
  /** Opens the table `bk_config`, where `config-db` names one; default: that is refused. */
  readonly rows?: (config: Config) => Promise<{ readonly rows: ConfigRows; close(): Promise<void> }>;
  /**
   * Finds words, once what is near is read: names that begin with one and a dash are described later, by `describe`, and any text is taken for
   * them until then. Default: there are none.
   */
  readonly elsewhere?: (config: Config) => readonly string[];
  /** Puts settings of older programs into the names of these, place by place. Default: there are none. */
  readonly rename?: Rename;
  /** Default: that of `node:dns`. */
  readonly resolveTxt?: ResolveTxt;
  readonly clock?: Clock;
}

/** What one layer says of a setting. */
export interface Said {
  readonly layer: string;
  /** Where it stands, such as `etc/config, line 3`. */
  readonly where: string;
  /** Its text; secrets and passwords in URLs are hidden. */
  readonly text: string;
}

export interface Explained {
  readonly name: string;
  readonly help: string;
  /** What holds; undefined where nothing is given and there is no default. */
  readonly text: string | undefined;
  /** The strongest first; the first one decides. The default is the last. */
  readonly said: readonly Said[];
  /** A change is used without a restart. */
  readonly live: boolean;
}

export interface Config<D extends Definitions = Definitions> {
  /** The value of a parameter now. */
  get<Name extends keyof (ConfigValues<D> & ConfigValues<typeof configSettings>) & string>(
    name: Name,
  ): (ConfigValues<D> & ConfigValues<typeof configSettings>)[Name];
  /** The values of a parameter with a `*` in its name, by the word that stands there, in the order that they are given in. */
  matching(definition: string): ReadonlyMap<string, unknown>;
  /** Whether some place gives it. */
  has(name: string): boolean;
  /** The parameter that a name, also an old one, stands for. */
  find(name: string): Found | undefined;
  /** What each layer says of a name; undefined where there is no such parameter. */
  explain(name: string): Explained | undefined;
  /** Every parameter, those with a `*` once for each that is given. */
  list(): Explained[];
  /**
   * Adds parameters by the word that their names begin with: `{ shop: { currency } }` describes `shop-currency`. What was given is checked now.
   *
   * @throws SettingsError `invalid`, naming the setting and where it comes from
   */
  describe(byWord: Readonly<Record<string, Definitions>>): Promise<void>;
  /** What was given and has no effect, a sentence each. */
  readonly warnings: readonly string[];
  /** Reads everything again; gives the names of what changed. What cannot be understood changes nothing, and is thrown. */
  reload(): Promise<ReadonlySet<string>>;
  /** Calls `listener` after a change, with the names of what changed. The function that is given back ends that. */
  onChange(listener: (changed: ReadonlySet<string>) => void): () => void;
  /** Reads again when a file changes, and at the intervals of DNS and the table; says in `log` what changed, or why it did not. */
  watch(log: Log): void;
  close(): Promise<void>;
}
