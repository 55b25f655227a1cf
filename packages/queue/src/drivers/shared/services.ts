// Services among the processes of one machine, of which one hands calls and answers on.

import { BkError } from "@bk/core";
import { type SharedCaller, SharedLink, type SharedService } from "@bk/core/shared";

import type { InstanceInfo, ServiceCaller, ServiceDriver, ServiceDriverOptions, ServiceHost } from "../../services/driver.js";
import { classifyShared } from "./errors.js";
import { sharedPlace } from "./place.js";

type Kind = "ping" | "info" | "stats";

type ServiceCall =
  | { readonly do: "serve"; readonly instance: number; readonly service: string }
  | { readonly do: "leave"; readonly instance: number }
  /** The reply is the answer; without one nobody listens. */
  | { readonly do: "call" | "post"; readonly service: string; readonly method: string; readonly body: string }
  | { readonly do: "all"; readonly service: string; readonly body: string }
  | { readonly do: "discover"; readonly kind: Kind; readonly service: string | undefined; readonly waitMs: number }
  /** To a push with a number: the answer to a call, or what an instance says of itself. */
  | { readonly do: "answer"; readonly number: number; readonly answer: unknown };

/** What an instance is told. */
type Push = { readonly instance: number } & (
  | { readonly method: string; readonly body: string; readonly number: number | undefined }
  | { readonly all: string }
  | { readonly describe: Kind; readonly number: number }
);

interface Instance {
  readonly caller: SharedCaller;
  readonly instance: number;
}

interface Asked {
  readonly caller: SharedCaller;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: BkError) => void;
}

/** Who serves what, in the process that keeps it. */
class SharedServices implements SharedService {
  readonly #services = new Map<string, Instance[]>();
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #turn = 0;

  call(body: ServiceCall, caller: SharedCaller): unknown {
    switch (body.do) {
      case "serve":
        this.#services.set(body.service, [...(this.#services.get(body.service) ?? []), { caller, instance: body.instance }]);
        return;
      case "leave":
        this.#remove((each) => each.caller === caller && each.instance === body.instance);
        return;
      case "answer":
        this.#asked.get(body.number)?.resolve(body.answer);
        this.#asked.delete(body.number);
        return;
      case "all":
        for (const { caller: own, instance } of this.#services.get(body.service) ?? []) push(own, { instance, all: body.body });
        return;
      case "discover":
        return this.#discover(body.kind, body.service, body.waitMs);
      default: {
        const instances = this.#services.get(body.service);
        if (instances === undefined) return;
        const chosen = instances[this.#turn++ % instances.length]!;
        const { method, body: text } = body;
        if (body.do === "call") return this.#ask(chosen, (number) => ({ instance: chosen.instance, method, body: text, number }));
        push(chosen.caller, { instance: chosen.instance, method, body: text, number: undefined });
      }
    }
  }

  left(caller: SharedCaller): void {
    this.#remove((each) => each.caller === caller);
    for (const [number, asked] of this.#asked) {
      if (asked.caller !== caller) continue;
      this.#asked.delete(number);
      asked.reject(new BkError("unavailable", "the instance that had the call is gone", { outcome: "unknown" }));
    }
  }

  #ask({ caller }: Instance, message: (number: number) => Push): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const number = ++this.#last;
      this.#asked.set(number, { caller, resolve, reject });
      push(caller, message(number));
    });
  }

  async #discover(kind: Kind, service: string | undefined, waitMs: number): Promise<unknown[]> {
    const instances = service === undefined ? [...this.#services.values()].flat() : (this.#services.get(service) ?? []);
    const found: unknown[] = [];
    const all = instances.map((each) =>
      this.#ask(each, (number) => ({ instance: each.instance, describe: kind, number })).then(
        (info) => void found.push(info),
        // It has just gone.
        () => undefined,
      ),
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    await Promise.race([Promise.all(all), late]);
    clearTimeout(timer);
    return [...found];
  }

  #remove(isMeant: (each: Instance) => boolean): void {
    for (const [service, instances] of this.#services) {
      const left = instances.filter((each) => !isMeant(each));
      if (left.length === 0) this.#services.delete(service);
      else this.#services.set(service, left);
    }
  }
}

/** Never inside the call that causes it, whose process may be this one. */
function push(caller: SharedCaller, message: Push): void {
  queueMicrotask(() => caller.push(message));
}

/**
 * The driver of `shared:`. In a cluster of Node the primary hands calls on, and has to open it too; else the first process that does.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option
 */
export async function sharedServices(given: ServiceDriverOptions): Promise<ServiceDriver> {
  const { path, host: mayHost } = sharedPlace("services", given);
  const serving = new Map<number, { readonly service: string; readonly host: ServiceHost }>();
  const posting = new Set<Promise<unknown>>();
  let caller: ServiceCaller | undefined;
  let last = 0;
  // The socket keeps no process from ending; whoever serves waits for calls.
  let awake: NodeJS.Timeout | undefined;
  const keepAwake = (): void => {
    if (serving.size > 0) awake ??= setInterval(() => undefined, 2 ** 31 - 1);
    else {
      clearInterval(awake);
      awake = undefined;
    }
  };
  const lost = (error: unknown): void => given.log.debug("shared: the process that hands calls on is gone", { error: String(error) });
  const ask = (call: ServiceCall): Promise<unknown> => link.call(call);
  const answer = (number: number, what: unknown): void => void ask({ do: "answer", number, answer: what }).catch(lost);
  const onPush = (message: Push): void => {
    const host = serving.get(message.instance)?.host;
    if (host === undefined) return;
    if ("all" in message) return host.all(message.all);
    const { number } = message;
    if ("describe" in message) return answer(message.number, host.describe(message.describe));
    host.call(message.method, message.body, number === undefined ? undefined : (body) => answer(number, body));
  };
  const link: SharedLink = new SharedLink({
    path,
    service: () => new SharedServices(),
    log: given.log,
    onPush: onPush as (message: never) => void,
    // Another process hands calls on now, and knows of no instances.
    onReset: () => {
      for (const [instance, { service }] of serving) ask({ do: "serve", instance, service }).catch(lost);
    },
    ...(mayHost === undefined ? {} : { host: mayHost }),
  });
  const track = async (work: Promise<unknown>): Promise<void> => {
    posting.add(work);
    try {
      await work;
    } finally {
      posting.delete(work);
    }
  };

  return {
    name: "shared",
    capabilities: { reach: "server", batches: false },
    maxBytes: 2 ** 24,
    ready: () => (link.isReady ? undefined : link.ready()),
    async receive(receiver) {
      caller = receiver;
    },
    send(service, method, body, token) {
      ask({ do: "call", service, method, body }).then(
        (reply) => (typeof reply === "string" ? caller?.answered(token, reply) : caller?.nobody(token)),
        (error: unknown) => caller?.broken(token, error),
      );
    },
    post: (service, method, body) => track(ask({ do: "post", service, method, body })),
    postAll: (service, body) => track(ask({ do: "all", service, body })),
    async serve(service, host) {
      const instance = ++last;
      serving.set(instance, { service, host });
      keepAwake();
      try {
        await ask({ do: "serve", instance, service });
      } catch (error) {
        serving.delete(instance);
        keepAwake();
        throw error;
      }
      return {
        async close() {
          // Calls that were on the way come before the reply.
          if (link.isReady) await ask({ do: "leave", instance }).catch(lost);
          serving.delete(instance);
          keepAwake();
        },
      };
    },
    discover: async (kind, service, waitMs) => (await ask({ do: "discover", kind, service, waitMs })) as readonly InstanceInfo[],
    classify: classifyShared,
    async close() {
      await Promise.allSettled(posting);
      serving.clear();
      keepAwake();
      await link.close();
    },
  };
}
