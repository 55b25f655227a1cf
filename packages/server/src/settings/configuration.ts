// What commands know of the configuration.

import type { NetworkRule } from "@bk/auth";
import type { LogFormat, LogLevel } from "@bk/core";
import type { PoolDefinition } from "@bk/db";
import type { PushApp } from "@bk/modules/push";

import type { Config } from "../config/config.js";
import type { ServerLimits } from "../limits.js";
import type { Place } from "../processes/ports.js";
import type { CorsOptions } from "../middleware/cors.js";
import type { StaticOptions } from "../static/static-options.js";
import type { allSettings } from "./settings.js";

/** Everything that a command needs to know. */
export interface Configuration {
  readonly home: string;
  /** Where plain HTTP is served, or would be. */
  readonly port: number;
  readonly host: string;
  /** Where it is served, TLS first. */
  readonly places: readonly Place[];
  /** The port of `https://` that requests without TLS are sent to; undefined: they are not. */
  readonly tlsRedirectPort: number | undefined;
  /** A URL, or pools with the main one first; undefined: the embedded database. */
  readonly db: string | { readonly pools: Record<string, PoolDefinition> } | undefined;
  readonly tables: string | undefined;
  /** Somebody is at work on the app. */
  readonly development: boolean;
  /** Folders whose sources have the server start anew; none where it does not. */
  readonly watch: readonly string[];
  /** The URL of a cache. */
  readonly cache: string | undefined;
  /** The URL of a pub/sub. */
  readonly bus: string | undefined;
  /** Names of modules; undefined: it was not said. */
  readonly modules: readonly string[] | undefined;
  readonly signUp: "open" | "admin";
  readonly pushcartToken: string | undefined;
  /** What clients write as the scheme; undefined: as each request came. */
  readonly signatureScheme: "http" | "https" | undefined;
  /** The URL of a mail transport, who mails are from, and the page that they lead to. */
  readonly mailTransport: string | undefined;
  readonly mailFrom: string | undefined;
  readonly mailPage: string | undefined;
  /** How the devices of the app are reached; undefined: they are not. */
  readonly push: PushApp | undefined;
  /** Files for everybody. */
  readonly static: StaticOptions | undefined;
  /** Folders with translations, and the languages that are loaded; undefined: there are none. */
  readonly locales: { readonly folders: readonly string[]; readonly languages?: readonly string[] } | undefined;
  readonly masterKey: string | undefined;
  readonly tokenKey: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly cors: CorsOptions | undefined;
  /** Addresses and networks. */
  readonly trustedProxies: readonly string[];
  /** Where requests may come from. */
  readonly networks: readonly NetworkRule[];
  /** A path or a URL. */
  readonly loginRedirect: string | undefined;
  readonly sessionDomain: string | undefined;
  readonly statusTouch: boolean;
  readonly limits: ServerLimits;
  /** Where all of it comes from. */
  readonly config: Config<typeof allSettings>;
}
