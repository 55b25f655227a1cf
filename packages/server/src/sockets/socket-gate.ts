// How many WebSockets may be open, and be opened in a second: one costs more to open than a request, and clients that lost their server all
// come back at once.

import { type Clock, systemClock } from "@bk/core";

export interface SocketGateLimits {
  /** WebSockets that may be open; 0: no limit. */
  readonly maxSockets: number;
  /** How many may be asked for in a second, and at once after a quiet one; 0: no limit. */
  readonly maxSocketsPerSecond: number;
}

export class SocketGate {
  #limits: SocketGateLimits;
  readonly #clock: Clock;
  #open = 0;
  #tokens: number;
  #filledAt: number;

  constructor(limits: SocketGateLimits, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = limits.maxSocketsPerSecond;
    this.#filledAt = clock.now();
  }

  setLimits(limits: SocketGateLimits): void {
    this.#limits = limits;
  }

  /** Lets one more in; undefined when it has to come back later. What is given back is called when it has ended. */
  enter(): (() => void) | undefined {
    const { maxSockets, maxSocketsPerSecond } = this.#limits;
    if (maxSockets > 0 && this.#open >= maxSockets) return undefined;
    if (maxSocketsPerSecond > 0 && !this.#takeToken(maxSocketsPerSecond)) return undefined;
    this.#open++;
    return () => void this.#open--;
  }

  #takeToken(perSecond: number): boolean {
    const now = this.#clock.now();
    this.#tokens = Math.min(perSecond, this.#tokens + (Math.max(0, now - this.#filledAt) * perSecond) / 1000);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
