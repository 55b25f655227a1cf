// What commands use to reach the server: its requests, the names of indexes, and what of them has been refreshed.

import type { Table } from "../../schema/table.js";
import type { ElasticOptions } from "./options.js";
import { type Freshness, freshness } from "./freshness.js";
import type { ElasticRequest, Transport } from "./transport.js";

export interface Engine {
  readonly options: ElasticOptions;
  readonly fresh: Freshness;
  /** The name by which the rows of a table are reached, an alias or an index. */
  nameOf(table: Table): string;
  /** Names that are known to be of indexes, which somebody else made: those of this driver are aliases. */
  readonly plain: Set<string>;
  /** The answer to a request, whose form the caller knows. Throws native errors. */
  send<Answer>(request: ElasticRequest, signal: AbortSignal | undefined): Promise<Answer>;
  /** Waits until no request is under way, and ends the connections. */
  close(): Promise<void>;
}

export function engineOf(transport: Transport, options: ElasticOptions): Engine {
  let running = 0;
  let idle: (() => void) | undefined;
  async function send<Answer>(request: ElasticRequest, signal: AbortSignal | undefined): Promise<Answer> {
    running++;
    try {
      return (await transport.send(request, signal)) as Answer;
    } finally {
      if (--running === 0) idle?.();
    }
  }
  const refresh = async (name: string): Promise<void> => void (await send({ method: "POST", path: `/${name}/_refresh` }, undefined));
  return {
    options,
    send,
    async close() {
      if (running > 0) await new Promise<void>((resolve) => (idle = resolve));
      transport.close();
    },
    plain: new Set(),
    fresh: freshness(refresh, options.refresh),
    nameOf: (table) => nameOf(table, options),
  };
}

/** Names of indexes are lower case, and begin with no underscore; no table of an app does, and none is called `bk_unique`. */
function nameOf({ name }: Table, { prefix }: ElasticOptions): string {
  return prefix + name.toLowerCase().replace(/^_/, "");
}
