// Services on core NATS, with picom's subjects: a call to `math.add` goes to that subject, and instances of `math` take `math.>` as the
// queue group `math`. Messages with several calls have a subject of their own, which only instances of this package take.

import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";

import type { InstanceInfo, ServiceCaller, ServiceDriver, ServiceDriverOptions, ServiceHost, Serving } from "../../services/driver.js";
import { type NatsLink, openNats } from "./connection.js";
import { classifyNats } from "./errors.js";
import { natsOptions } from "./options.js";
import { Flushes } from "./flushes.js";

const batches = "_bk.call.";
const toAll = "_bk.all.";
const usualMaxPayload = 1024 * 1024;

/**
 * `nats://user:password@host1:4222,host2:4222`, `tls://…`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function natsServices(options: ServiceDriverOptions): Promise<ServiceDriver> {
  const settings = natsOptions(options);
  const link = await openNats(settings, options);
  const flushes = new Flushes(link);
  const inbox = `${settings.inboxPrefix}.${globalThis.crypto.randomUUID().replaceAll("-", "")}`;
  let caller: ServiceCaller | undefined;
  link.listen({
    refused(error) {
      const { subject, operation } = error as { subject?: unknown; operation?: unknown };
      if (caller === undefined || operation !== "publish" || typeof subject !== "string") return;
      if (subject.startsWith(batches)) return caller.refused(subject.slice(batches.length), undefined, error);
      const dot = subject.lastIndexOf(".");
      caller.refused(subject.slice(0, dot), subject.slice(dot + 1), error);
    },
  });
  return {
    name: "nats",
    capabilities: { reach: "network", batches: true },
    get maxBytes() {
      return (link.isOpen ? link.connection.info?.max_payload : undefined) ?? usualMaxPayload;
    },
    ready: () => link.ready(),
    async receive(given) {
      caller = given;
      await receive(link.connection, inbox, given);
    },
    send: (service, method, body, token) => link.connection.publish(`${service}.${method}`, body, { reply: `${inbox}.${token}` }),
    sendBatch: (service, body, token) => link.connection.publish(batches + service, body, { reply: `${inbox}.${token}` }),
    post: (service, method, body) => flushes.publish(`${service}.${method}`, body),
    postAll: (service, body) => flushes.publish(toAll + service, body),
    serve: (service, host) => serve(link, service, host),
    discover: (kind, service, waitMs) => discover(link, kind, service, waitMs),
    classify: classifyNats,
    close: () => link.close(),
  };
}

/** One subscription for all answers: the end of its subject is the token. */
async function receive(connection: NatsConnection, inbox: string, caller: ServiceCaller): Promise<void> {
  let refused: Error | undefined;
  connection.subscribe(`${inbox}.*`, {
    callback(error, message) {
      if (error !== null) {
        refused = error;
        return caller.failed(error);
      }
      const token = message.subject.slice(inbox.length + 1);
      if (message.data.length === 0 && message.headers?.code === 503) caller.nobody(token);
      else caller.answered(token, message.data);
    },
  });
  await connection.flush();
  if (refused !== undefined) throw refused;
}

async function serve(link: NatsLink, service: string, host: ServiceHost): Promise<Serving> {
  const { connection } = link;
  const subscriptions: Subscription[] = [];
  let refused: Error | undefined;
  const take = (subject: string, queue: string | undefined, handle: (message: Msg) => void): void => {
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) handle(message);
      else refused ??= error;
    };
    subscriptions.push(connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue }));
  };
  const replyTo = (message: Msg) => (answer: string) => {
    // An answer that comes when the connection is gone has nobody to go to; its call times out.
    if (!connection.isClosed()) connection.publish(message.reply!, answer);
  };
  take(`${service}.>`, service, (message) => {
    const method = message.subject.slice(message.subject.lastIndexOf(".") + 1);
    host.call(method, message.data, message.reply ? replyTo(message) : undefined);
  });
  take(batches + service, service, (message) => {
    if (message.reply) host.calls(message.data, replyTo(message));
  });
  take(toAll + service, undefined, (message) => host.all(message.data));
  const { name, id } = host.describe("ping") as InstanceInfo;
  for (const kind of ["ping", "info", "stats"] as const) {
    const root = `$SRV.${kind.toUpperCase()}`;
    for (const subject of [root, `${root}.${name}`, `${root}.${name}.${id}`])
      take(subject, undefined, (message) => void message.respond(JSON.stringify(host.describe(kind))));
  }
  await connection.flush();
  if (refused !== undefined) {
    for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
    throw refused;
  }
  return {
    async close() {
      if (connection.isClosed()) return;
      await Promise.allSettled(subscriptions.filter((each) => !each.isClosed()).map((each) => each.drain()));
    },
  };
}

async function discover(link: NatsLink, kind: string, service: string | undefined, waitMs: number): Promise<InstanceInfo[]> {
  const subject = `$SRV.${kind.toUpperCase()}${service === undefined ? "" : `.${service.replaceAll(".", "_")}`}`;
  const found: InstanceInfo[] = [];
  const answers = await link.connection.requestMany(subject, "", { strategy: "timer", maxWait: waitMs, noMux: true });
  try {
    for await (const answer of answers) {
      const said: unknown = answer.json();
      if (typeof said === "object" && said !== null && "id" in said) found.push(said as InstanceInfo);
    }
  } catch (error) {
    // Nobody there is an answer too.
    if (classifyNats(error)?.message !== "nobody listens") throw error;
  }
  return found;
}
