// Somebody who listens on and on: comes back after each end with the last event that was seen, until a server takes it.

import { setTimeout as sleep } from "node:timers/promises";

import type { Login } from "../two-servers/servers.js";
import { type Connect, type Connection, connectSocket, connectSse } from "../two-servers/subscriber.js";

const pauseMs = 100;

export class Listener {
  /** The messages that it was told of. */
  readonly told = new Set<string>();
  connections = 0;
  readonly #done: Promise<void>;
  #open: Connection | undefined;
  #isOver = false;

  constructor(url: string, by: Login, kind: "sse" | "socket") {
    this.#done = this.#follow(url, by, kind === "sse" ? connectSse : connectSocket);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#open?.close();
    await this.#done;
  }

  async #follow(url: string, by: Login, connect: Connect): Promise<void> {
    for (let last: string | undefined; !this.#isOver; await sleep(pauseMs)) {
      try {
        const open = (this.#open = await connect(url, by, last));
        this.connections++;
        for await (const event of open.events) {
          if (event.path === "/message/add") this.told.add(String(event["msg"]));
          if (last === undefined || event.event_id > last) last = event.event_id;
        }
      } catch {
        // There is no server for a moment, or the connection was cut. What was missed by then comes with the next one.
      }
    }
  }
}
