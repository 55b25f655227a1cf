// The two sides of the benchmark of services, each in a process of its own: the client alone, and @bk/queue.

import { openService, type Service } from "@bk/queue";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { answerOrders } from "./answer.js";

export interface RpcOptions {
  readonly rpc: "server" | "client";
  readonly url: string;
}

export type RpcOrder =
  | { readonly kind: "start" }
  | { readonly kind: "turn"; readonly contestant: RpcContestant; readonly atOnce: number; readonly ms: number }
  | { readonly kind: "end" };

export const rpcContestants = ["nats raw", "bk"] as const;
export type RpcContestant = (typeof rpcContestants)[number];

/** 27 bytes as JSON. */
const message = { a: 1234, b: 5678, c: "text" };

if (process.send !== undefined && process.argv[2]?.includes('"rpc"')) run(JSON.parse(process.argv[2]) as RpcOptions);

function run({ rpc, url }: RpcOptions): void {
  let raw: NatsConnection;
  let service: Service;

  async function start(): Promise<void> {
    raw = await connect({ servers: url.replace(/^nats:\/\//, ""), noAsyncTraces: true });
    service = await openService(rpc === "server" ? "bench" : "caller", { url });
    if (rpc === "client") return;
    raw.subscribe("raw.same", {
      queue: "raw",
      callback: (_error, request) => void request.respond(JSON.stringify({ payload: request.json() })),
    });
    await raw.flush();
    await service.expose({ same: (given: unknown) => given });
  }

  const calls: Readonly<Record<RpcContestant, () => Promise<unknown>>> = {
    "nats raw": async () =>
      (await raw.request("raw.same", JSON.stringify(message), { timeout: 10_000 })).json<{ payload: unknown }>().payload,
    bk: () => service.request("bench.same", message, { timeoutMs: 10_000 }),
  };

  /** Calls one after the other in each of `atOnce` loops; gives how many there were and what they cost. */
  async function turn(contestant: RpcContestant, atOnce: number, ms: number): Promise<{ perSecond: number; cpuUs: number }> {
    const call = calls[contestant];
    const answer = await call();
    if (JSON.stringify(answer) !== JSON.stringify(message)) throw new Error(`${contestant} gave another answer`);
    const before = process.cpuUsage();
    const begun = performance.now();
    let count = 0;
    const loop = async (): Promise<void> => {
      while (performance.now() - begun < ms) {
        await call();
        count++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    const { user, system } = process.cpuUsage(before);
    return { perSecond: count / ((performance.now() - begun) / 1000), cpuUs: (user + system) / count };
  }

  answerOrders(async (order: RpcOrder) => {
    if (order.kind === "start") return start();
    if (order.kind === "turn") return turn(order.contestant, order.atOnce, order.ms);
    await Promise.all([raw.close(), service.close()]);
    return undefined;
  });
}
