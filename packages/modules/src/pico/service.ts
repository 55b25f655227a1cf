// Runs the orders of a request, one after the other.

import { BkError, type Clock, httpStatuses } from "@bk/core";

import { denied } from "../common/failures.js";
import { committed } from "../contract/after-commit.js";
import type { CacheLike } from "../contract/cache.js";
import type { ModuleDb } from "../contract/database.js";
import type { Call } from "../contract/endpoint.js";
import { EventStream } from "../contract/event-stream.js";
import type { Channels } from "./channels.js";
import { withFiles } from "./form.js";
import { checkProofs, type Order, type PicoRequest } from "./orders.js";
import { withReferences } from "./references.js";
import { type Action, Session } from "./session.js";

/** What an order with a `reqId` gets. */
export interface Packet {
  readonly api: string;
  readonly reqId: string | number;
  readonly resId: number;
  readonly status: number;
  readonly data?: unknown;
  readonly error?: { readonly status: number; readonly code: string; readonly message: string };
}

/** What an action may look at beside its data. */
export interface ActionContext {
  /** The request, with who calls. */
  readonly call: Call;
  /** Models that later orders of the request see too. */
  readonly session: Session;
  /** The id of the request's channel. */
  readonly channel: string | undefined;
}

/** What answers an order: one function, or the list of actions of the original, one after the other. */
export type Answer = ((data: unknown, context: ActionContext) => unknown) | readonly Action[];

export interface PicoServiceOptions {
  readonly db: ModuleDb;
  readonly cache: CacheLike;
  readonly clock: Clock;
  readonly channels: Channels;
  /** Answers by the `api` of orders. */
  readonly actions: ReadonlyMap<string, Answer>;
  /** Calls an endpoint of the server, for orders whose `api` is its path. */
  dispatch(path: string, values: Readonly<Record<string, unknown>>, call: Call, files?: Call["files"]): Promise<unknown>;
  /** The `api` of orders that may come as forms. Default none. */
  readonly uploads?: readonly string[];
  readonly secretKey?: string | undefined;
  readonly cullAgeMs?: number | undefined;
  readonly allowMd5?: boolean;
}

export interface PicoService {
  /**
   * Runs orders, and gives what is replied as soon as it is there: `[ID PASS]` of the channel first, then a packet for each order that
   * has a `reqId`, then those that were not acknowledged.
   *
   * @param opens  whether a channel is opened where the request has none
   */
  run(request: PicoRequest, call: Call, opens: boolean): AsyncGenerator<object>;
}

/** The error of an order that was not run, since one before it failed. */
const stopped = { status: 424, code: "condition-failed", message: "an order before this one failed" } as const;

export function picoService(options: PicoServiceOptions): PicoService {
  const { db, cache, clock, channels, actions, dispatch, uploads = [], secretKey, cullAgeMs, allowMd5 = false } = options;

  /** What an order gives. */
  async function answer({ api, data, form }: Order, context: ActionContext, replies: Map<string, unknown>): Promise<unknown> {
    // A form is the one order of its request: there is nothing earlier.
    const given = form === undefined ? withReferences(data, replies) : data;
    if (api === "ack") return acknowledge(given, context.channel);
    const known = actions.get(api);
    if (known !== undefined) {
      const act = async (held: unknown): Promise<unknown> =>
        typeof known === "function" ? known(held, context) : context.session.run(known, held);
      return form === undefined ? act(given) : withFiles(form, act);
    }
    if (!api.startsWith("/")) throw new BkError("not-found", `there is no api ${JSON.stringify(api.slice(0, 80))}`);
    const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
    if (!isObject && given !== undefined && given !== "")
      throw new BkError("invalid", "data must be an object of parameters", { detail: { field: "data" } });
    const reply = await dispatch(api, isObject ? (given as Record<string, unknown>) : {}, context.call, form?.files);
    if (reply instanceof EventStream) reply.cancel();
    if (reply instanceof Response || reply instanceof EventStream) throw new BkError("unsupported", `${api} does not reply JSON`);
    return reply;
  }

  async function acknowledge(data: unknown, channel: string | undefined): Promise<object> {
    const { resId } = (typeof data === "object" && data !== null ? data : {}) as { readonly resId?: unknown };
    if (!Number.isSafeInteger(resId)) throw new BkError("invalid", "resId must be an integer", { detail: { field: "resId" } });
    if (channel === undefined) throw new BkError("invalid", "ack needs a channel", { detail: { field: "channel" } });
    await channels.ack(channel, [resId as number]);
    return {};
  }

  const packet = (order: Order, outcome: { readonly data: unknown } | { readonly error: NonNullable<Packet["error"]> }): Packet => ({
    api: order.api,
    reqId: order.reqId!,
    resId: 0,
    status: "error" in outcome ? outcome.error.status : 200,
    ...outcome,
  });

  /** The packets of orders as they are done. What fails is thrown with `isWhole`, for then nothing is done. */
  async function* each(orders: readonly Order[], context: ActionContext, goesOn: boolean, isWhole: boolean): AsyncGenerator<Packet> {
    const replies = new Map<string, unknown>();
    let failed = false;
    for (const order of orders) {
      if (order.api === "") continue;
      if (failed && !goesOn) {
        if (order.reqId !== undefined) yield packet(order, { error: stopped });
        continue;
      }
      try {
        const data = (await answer(order, context, replies)) ?? {};
        if (order.reqId === undefined) continue;
        const made = packet(order, { data });
        replies.set(String(order.reqId), made);
        yield made;
      } catch (error) {
        if (isWhole) throw new OrderFailed(order, error);
        failed = true;
        yield packet({ ...order, reqId: order.reqId ?? 0 }, { error: told(error) });
      }
    }
  }

  /** All orders in one transaction. */
  async function together(orders: readonly Order[], context: ActionContext): Promise<Packet[]> {
    try {
      return await committed(db, async () => {
        const packets: Packet[] = [];
        for await (const made of each(orders, context, false, true)) packets.push(made);
        return packets;
      });
    } catch (error) {
      const [at, cause] = error instanceof OrderFailed ? [error.order, error.cause] : [undefined, error];
      const shown = orders.filter((order) => order.api !== "" && (order.reqId !== undefined || order === at));
      return shown.map((order) =>
        packet(
          { ...order, reqId: order.reqId ?? 0 },
          { error: at === undefined || order === at ? told(cause) : { ...stopped, message: "nothing was done" } },
        ),
      );
    }
  }

  return {
    async *run({ orders, acks, channel: shown, tx, onError }, call, opens) {
      let channel: { readonly id: string; readonly pass: string } | undefined;
      let before = 0;
      try {
        await checkProofs(orders, { secretKey, cullAgeMs, allowMd5, clock, cache });
        const upload = orders.find(({ form, api }) => form !== undefined && !uploads.includes(api));
        if (upload !== undefined) throw denied(`${JSON.stringify(upload.api.slice(0, 80))} takes no forms`, "api");
        const account = call.caller.id;
        if (shown !== undefined && shown !== "") channel = await channels.enter(shown, account);
        else if (opens) channel = await channels.open(account);
        if (channel !== undefined) {
          await channels.ack(channel.id, acks);
          before = await channels.last(channel.id);
        }
      } catch (error) {
        const { api = "", reqId = 0 } = orders[0] ?? {};
        yield { api, reqId, resId: 0, status: told(error).status, error: told(error) };
        return;
      }
      if (channel !== undefined) yield [`${channel.id} ${channel.pass}`];
      const context: ActionContext = { call, session: new Session(), channel: channel?.id };
      const packets = tx ? await together(orders, context) : each(orders, context, onError === "continue", false);
      for await (const made of packets)
        yield channel === undefined || made.error !== undefined ? made : await channels.keep(channel.id, made);
      if (channel !== undefined) yield* await channels.left(channel.id, before);
    },
  };
}

/** The order of a transaction that failed. */
class OrderFailed extends Error {
  readonly order: Order;

  constructor(order: Order, cause: unknown) {
    super("an order failed", { cause });
    this.order = order;
  }
}

/** What a client may know of an error: of those that are no fault of theirs the code alone. */
function told(error: unknown): NonNullable<Packet["error"]> {
  if (error instanceof BkError) {
    const status = httpStatuses[error.code];
    const message = status < 500 ? error.message : `it cannot be done now (${error.code})`;
    return { status, code: error.code, message };
  }
  // Actions of the original fail with `{ code, message }`.
  const { code, message } = (typeof error === "object" && error !== null && !(error instanceof Error) ? error : {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  const status = typeof code === "number" && code >= 400 && code <= 599 ? code : 500;
  return {
    status,
    code: status === 500 ? "internal" : String(code),
    message: typeof message === "string" ? message.slice(0, 300) : "internal error",
  };
}
