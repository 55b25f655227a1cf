// @bk/server/pico: an app of pico-server, from its configuration files and actions as they are.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

import { BkError, consoleLog, systemClock } from "@bk/core";
import { type Action, pico, renderModes } from "@bk/modules/pico";

import { type BkServer, createServer, type ServerOptions } from "./server.js";

/** The part of a worker's configuration that names a web server. */
interface WebSettings {
  readonly mod: string;
  readonly port?: number;
  readonly allowOrigin?: string;
  readonly secretKey?: string;
  readonly cullAge?: number;
  readonly delimiter?: readonly string[];
  readonly uploadWL?: readonly string[];
}

/** What an element of an app gets: its web server by its name, with `route`. */
type Context = Record<string, { route(api: string, actions: readonly Action[]): void }>;

interface Element {
  setup(context: Context, next: (error?: unknown) => void): void;
}

export interface PicoApp {
  readonly server: BkServer;
  readonly url: string;
  close(): Promise<void>;
}

/** Further options of the server; the database, which keeps channels, is in memory by default. */
export type PicoAppOptions = Partial<Pick<ServerOptions, "db" | "bus" | "cache" | "log" | "limits">> & {
  /** Default that of the worker's configuration, else 5678. */
  readonly port?: number;
  readonly host?: string;
};

/**
 * Starts an app: reads `<config>.json` in its folder, and the worker's configuration that this names, lets its elements set up their
 * routes, and serves them at `/pull`. One process, whatever `worker.count` says.
 *
 * @param folder  of the app
 * @param config  such as `config/master`
 * @throws BkError `invalid` for a file that is not there or says what is not known
 */
export async function createApp(folder: string, config: string, options: PicoAppOptions = {}): Promise<PicoApp> {
  const home = resolve(folder);
  const { port, host, ...others } = options;
  const master = readConfig(join(home, `${config}.json`)) as { readonly worker?: { readonly config?: string } };
  const worker = readConfig(join(home, `${master.worker?.config ?? "config/worker"}.json`)) as {
    readonly app?: { readonly elements?: readonly string[] };
    readonly lib?: Readonly<Record<string, WebSettings>>;
  };
  const [instance, settings, ...more] = Object.entries(worker.lib ?? {}).flat() as [string, WebSettings, ...unknown[]];
  if (settings?.mod !== "web" || more.length > 0)
    throw new BkError("invalid", "pico: lib of the worker's configuration must name one web server, { mod: 'web' }", {
      detail: { field: "lib" },
    });
  const actions = new Map<string, readonly Action[]>();
  const context: Context = {
    [instance]: {
      route(api, list) {
        if (actions.has(api)) throw new BkError("invalid", `pico: the api ${api} is taken already`, { detail: { field: "api" } });
        actions.set(api, [...list]);
      },
    },
  };
  Object.assign(globalThis, { G_PICO_WEB: renderModes });
  const require = createRequire(join(home, "index.js"));
  for (const name of worker.app?.elements ?? [])
    for (const element of [require(join(home, name)) as Element | readonly Element[]].flat() as Element[]) await setUp(element, context);
  const { secretKey, cullAge, delimiter, uploadWL, allowOrigin = "*" } = settings;
  const server = await createServer({
    db: "memory:",
    log: consoleLog({ level: "info", format: "text", clock: systemClock }),
    // There are no accounts whose secrets it would encrypt.
    masterKey: randomBytes(32).toString("base64"),
    home,
    cors: { origins: allowOrigin === "*" ? "*" : [allowOrigin.includes("://") ? allowOrigin : `http://${allowOrigin}`] },
    ...others,
    modules: [
      pico({
        actions: Object.fromEntries(actions),
        ...(secretKey === undefined ? {} : { secretKey, allowMd5: true }),
        ...(cullAge === undefined ? {} : { cullAgeMs: cullAge }),
        ...(delimiter === undefined ? {} : { delimiter }),
        ...(uploadWL === undefined ? {} : { uploads: uploadWL }),
      }),
    ],
  });
  try {
    const { url } = await server.listen({ port: port ?? settings.port ?? 5678, host });
    return { server, url, close: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}

function readConfig(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new BkError("invalid", `pico: ${file} ${code === undefined ? "is not valid JSON" : `cannot be read (${code})`}`, {
      detail: { field: "config" },
      cause,
    });
  }
}

function setUp(element: Element, context: Context): Promise<void> {
  return new Promise((done, fail) => {
    element.setup(context, (error) => (error === undefined || error === null ? done() : fail(error as Error)));
  });
}
