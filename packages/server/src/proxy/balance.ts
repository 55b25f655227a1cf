// Which upstream of a target is next.

import { createHash } from "node:crypto";

import type { Clock } from "@bk/core";

import { type ProxySettings, type ProxyTarget, settingsOf } from "./proxy-options.js";
import { Upstream } from "./upstream.js";

/** Who asks, as far as that decides. */
export interface Asking {
  readonly address: string;
  /** The header. */
  readonly cookie: string | undefined;
  /** It came over TLS. */
  readonly isTls: boolean;
}

export class Balance {
  readonly target: ProxyTarget;
  readonly upstreams: readonly Upstream[];
  /** Those of the target. */
  readonly settings: ProxySettings;
  #turn = 0;

  constructor(target: ProxyTarget, settings: ProxySettings, clock: Clock) {
    this.target = target;
    this.settings = settingsOf(settings, target);
    this.upstreams = target.to.map((url) => new Upstream(url, this.settings, clock));
  }

  /**
   * The upstream for a request; undefined while none is ready.
   *
   * @param but  one that was tried already
   */
  next(asking: Asking, but?: Upstream): Upstream | undefined {
    const ready = this.upstreams.filter((upstream) => upstream !== but && upstream.isReady);
    if (ready.length < 2) return ready[0];
    const own = this.#own(ready, asking);
    if (own !== undefined) return own;
    const turn = this.#turn++;
    const inTurn = ready.map((_upstream, at) => ready[(turn + at) % ready.length]!);
    if (this.settings.balance === "round-robin") return inTurn[0];
    return inTurn.reduce((least, upstream) => (upstream.running < least.running ? upstream : least));
  }

  #own(ready: readonly Upstream[], { address, cookie }: Asking): Upstream | undefined {
    switch (this.settings.sticky) {
      case "none":
        return undefined;
      case "cookie": {
        const id = this.#cookieOf(cookie);
        return ready.find((upstream) => upstream.id === id);
      }
      case "address":
        // The highest hash decides: when one goes away, the clients of the others stay where they are.
        return ready.reduce((highest, upstream) => (weight(upstream, address) > weight(highest, address) ? upstream : highest));
    }
  }

  get #cookieName(): string {
    return `bk_proxy_${this.target.name}`;
  }

  #cookieOf(header = ""): string | undefined {
    const pair = header
      .split(";")
      .map((each) => each.trim())
      .find((each) => each.startsWith(`${this.#cookieName}=`));
    return pair?.slice(this.#cookieName.length + 1);
  }

  /** The cookie that keeps a client with an upstream; undefined where it is not needed. */
  cookieFor(upstream: Upstream, { cookie, isTls }: Asking): string | undefined {
    if (this.settings.sticky !== "cookie" || this.upstreams.length < 2 || this.#cookieOf(cookie) === upstream.id) return undefined;
    return `${this.#cookieName}=${upstream.id}; Path=/; HttpOnly; SameSite=Lax${isTls ? "; Secure" : ""}`;
  }
}

const weight = ({ id }: Upstream, address: string): number => createHash("sha256").update(`${id} ${address}`).digest().readUIntBE(0, 6);
