// @bk/modules/pico: several orders in one request, and channels that lose no reply.

import { checkLimit, mib } from "../common/limits.js";
import type { BackendModule, ModuleHost } from "../contract/module.js";
import { type Channels, picoChannels } from "./channels.js";
import { picoRoutes } from "./routes.js";
import { type Answer, picoService } from "./service.js";
import { picoTables } from "./tables.js";

export { type Channel, type Channels, picoChannels } from "./channels.js";
export { type Order, orderKey } from "./orders.js";
export { type ActionContext, type Answer, type Packet, picoService, type PicoService, type PicoServiceOptions } from "./service.js";
export { type Action, type JobFunction, type ModelInfo, renderModes, Session } from "./session.js";
export { picoTables } from "./tables.js";

export interface PicoOptions {
  /** What answers orders, by their `api`. An `api` that begins with `/` is an endpoint of the server. */
  readonly actions?: Readonly<Record<string, Answer>>;
  /** Where orders are sent. Default `/pull`. */
  readonly path?: string;
  /** Every order must prove that whoever sends it has this key. Default: no. */
  readonly secretKey?: string;
  /** How far the date of an order may be from the server's time, in milliseconds. Default an hour with `secretKey`, else it is not looked at. */
  readonly cullAgeMs?: number;
  /** Whether keys by HMAC-MD5, as clients of the original make them, count too. Default false. */
  readonly allowMd5?: boolean;
  /**
   * Its JSON text stands between packets for clients that do not ask for JSON, and between the parts of requests of type `application/x-pico`, which
   * are taken with it alone. Default: packets are a JSON list.
   */
  readonly delimiter?: readonly string[];
  /** The `api` of orders that may come as multipart forms, with files. Default none: forms are refused with 415. */
  readonly uploads?: readonly string[];
  /** Most bytes of such a form. Default 10 MiB, at most 100. */
  readonly maxUploadBytes?: number;
  /** How long packets of a channel are kept, and a channel that nobody uses. Default an hour. */
  readonly keepMs?: number;
  /** How long a request that is refused as a whole waits for its answer. Default 5,000 ms. */
  readonly refusalMs?: number;
}

/** The module, with the way to send packets to its channels while it runs. */
export interface PicoModule extends BackendModule {
  /** Keeps a packet, and sends it to whoever streams the channel. @throws BkError `not-found` */
  send(channel: string, packet: object): Promise<object>;
}

/**
 * The module `pico`: `/pull`, `/channel`, `/push`.
 *
 * @throws BkError `invalid` for a limit that is none
 */
export function pico(options: PicoOptions = {}): PicoModule {
  const { path = "/pull", delimiter, keepMs = 3_600_000, refusalMs = 5_000, actions = {}, ...others } = options;
  const { uploads = [], maxUploadBytes = 10 * mib, ...proofs } = others;
  // They are in memory while they are read.
  checkLimit("pico", "maxUploadBytes", maxUploadBytes, 100 * mib);
  let running: Channels | undefined;
  return {
    name: "pico",
    tables: picoTables,
    start(host: ModuleHost) {
      const channels = (running = picoChannels(host.db, host.bus, host.clock, keepMs));
      const service = picoService({ ...host, ...proofs, channels, actions: new Map(Object.entries(actions)), uploads });
      const taken = { path, delimiter, refusalMs, maxUploadBytes: uploads.length === 0 ? undefined : maxUploadBytes };
      return {
        name: "pico",
        endpoints: picoRoutes(service, channels, host.clock, taken),
        drain: () => channels.end(),
      };
    },
    async send(channel, packet) {
      if (running === undefined) throw new Error("pico: the module does not run yet");
      return running.send(channel, { ...packet });
    },
  };
}
