// Redis that asks for TLS and a password.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPubSub, openQueue, openService } from "@bk/queue";
import { canSecure, securedRedis, type SecuredServer } from "../../../test/secured-server.js";
import { collector } from "../src/testing/collector.js";
import { canRun } from "./test-pubsub.js";

const password = "s3cret/of:mine";
const runs = canRun({ name: "redis", env: "BK_TEST_REDIS" }) && canSecure("redis-server");

describe.runIf(runs)("driver: queue-redis", { timeout: 60_000 }, () => {
  let server: SecuredServer | undefined;
  beforeAll(async () => {
    server = await securedRedis(password);
  }, 60_000);
  afterAll(() => server?.stop());
  const url = (word: string): string => `rediss://:${encodeURIComponent(word)}@127.0.0.1:${server!.port}`;

  it("speaks TLS to a server whose certificate it trusts: queues, channels and services", async () => {
    const options = { tls: { ca: server!.ca } };
    await using queue = await openQueue<number>(url(password), { name: "secured", options });
    const [worked, heard] = [collector<number>(), collector<unknown>()];
    await queue.listen((message) => worked.add(message));
    await queue.submit(1);
    await worked.has(1);
    await using bus = await openPubSub(url(password), { options });
    await bus.subscribe("news", (message) => heard.add(message));
    await bus.publish("news", 2);
    await heard.has(1);
    await using service = await openService("math", { url: url(password), options });
    await service.expose({ same: (n: number) => n });
    expect(await service.request("math.same", 3)).toBe(3);
    expect([worked.items, heard.items]).toEqual([[1], [2]]);
  });

  it.each([
    ["a wrong password", "wr0ng", true, "unauthenticated"],
    ["a certificate that it does not trust", password, false, "unavailable"],
  ] as const)("tells %s, without the password", async (_what, word, trusts, code) => {
    const options = trusts ? { tls: { ca: server!.ca } } : { connectTimeoutMs: 2_000 };
    await using queue = await openQueue(url(word), { name: "secured", options });
    await using bus = await openPubSub(url(word), { options });
    for (const call of [() => queue.submit(1), () => bus.publish("news", 1)]) {
      const error = await call().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code, outcome: "none" });
      const shown = `${String(error)} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
      for (const secret of [word, encodeURIComponent(word)]) expect(shown).not.toContain(secret);
    }
  });
});
