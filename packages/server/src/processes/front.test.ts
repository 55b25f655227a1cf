import { once } from "node:events";
import { connect } from "node:net";

import { silentLog } from "@bk/core";
import { expect, it, vi } from "vitest";

import { Front } from "./front.js";
import type { Pool } from "./pool.js";

it("a connection that no process takes any more is closed with the port, and keeps nothing waiting", async () => {
  let refuse: (() => void) | undefined;
  const give = (): Promise<boolean> => new Promise((resolve) => (refuse = () => resolve(false)));
  const pool = { next: () => (refuse === undefined ? { give } : undefined) };
  const front = new Front(pool as unknown as Pool);
  const { url } = await front.ports.listen([{ port: 0, host: "127.0.0.1", isTls: false }], silentLog);
  const client = connect(Number(new URL(url).port), "127.0.0.1");
  const closed = once(client, "close");
  await vi.waitFor(() => expect(refuse).toBeDefined());
  front.close();
  refuse!();
  await closed;
});
