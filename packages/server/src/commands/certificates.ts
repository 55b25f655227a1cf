// What TLS is spoken with while the server runs: read at the start and each time the files change, and handed to whoever ends TLS.

import type { Log } from "@bk/core";

import { FileWatch, tellUnwatched } from "../config/watch-files.js";
import type { AsChild } from "../processes/as-child.js";
import type { Configuration } from "../settings/configuration.js";
import { type ReadTls, readTls, tlsFiles } from "../settings/read-tls.js";
import type { TlsMaterial } from "../tls/material.js";
import { TlsEnd } from "../tls/tls-end.js";

type Config = Configuration["config"];

/** Who knows what TLS is spoken with: this process, or the primary that started it. */
type TlsSource = Pick<AsChild, "onTls">;

export class Certificates implements TlsSource {
  readonly #config: Config;
  readonly #log: Log;
  readonly #watch: FileWatch;
  #material: TlsMaterial;
  #take = (_material: TlsMaterial): void => undefined;

  /** @throws SettingsError naming the setting whose file cannot be read or used */
  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#watch = new FileWatch(() => this.reload(), tellUnwatched(log));
    // Before they are read, so that no change is missed.
    this.#watch.set(tlsFiles(config));
    this.#material = this.#told(readTls(config), "the certificate for TLS");
    config.onChange(() => this.reload());
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  onTls(take: (material: TlsMaterial) => void): void {
    this.#take = take;
    take(this.#material);
  }

  #told({ material, validTo, warning }: ReadTls, what: string): TlsMaterial {
    if (warning === undefined) this.#log.info(`${what} counts until ${validTo ?? "its end"}`);
    else this.#log.warn(warning);
    return material;
  }

  /** Reads the files again; gives what has changed. What cannot be used changes nothing, and is logged. */
  reload(): readonly string[] {
    this.#watch.set(tlsFiles(this.#config));
    try {
      const read = readTls(this.#config);
      if (isSame(read.material, this.#material)) return [];
      this.#material = this.#told(read, "another certificate for TLS is used, which");
    } catch (error) {
      const hint = this.#config.has("uid") && process.getuid?.() !== 0 ? "; the user of uid must be able to read it, see workers" : "";
      this.#log.error(`TLS goes on as it was: ${(error as Error).message}${hint}`);
      return [];
    }
    this.#take(this.#material);
    return ["certificate"];
  }

  close(): void {
    this.#watch.close();
  }
}

const isSame = (one: TlsMaterial, other: TlsMaterial): boolean =>
  JSON.stringify({ ...one, ticketKeys: "" }) === JSON.stringify({ ...other, ticketKeys: "" });

/** Undefined where the server does not speak TLS. */
export function certificatesOf({ places, config }: Configuration, log: Log): Certificates | undefined {
  return places[0]!.isTls ? new Certificates(config, log) : undefined;
}

/** Ends TLS in this process; undefined where that is not to be done, as behind processes that have done it. */
export async function tlsEndOf({ limits, config }: Configuration, source: TlsSource | undefined, log: Log): Promise<TlsEnd | undefined> {
  // The settings may be others than those that the primary began with.
  const isPlain = config.get("front-url")?.startsWith("http:") === true;
  if (source === undefined || isPlain || config.get("behind-proxy")) return undefined;
  const options = { handshakeMs: limits.headersTimeoutMs, hstsMs: config.get("tls-hsts"), log };
  return new Promise((resolve) => {
    let end: TlsEnd | undefined;
    source.onTls((material) => {
      if (end === undefined) resolve((end = new TlsEnd(material, options)));
      else end.set(material);
    });
  });
}
