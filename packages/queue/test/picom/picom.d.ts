import type { EventEmitter } from "node:events";

/** What the tests use of picom. */
export declare class Picom extends EventEmitter {
  constructor(serviceName: string, options?: { servers?: readonly string[]; timeout?: number });
  readonly nats: { flush(callback: () => void): void };
  expose(methods: Readonly<Record<string, (message: unknown) => unknown>>): void;
  request(methodName: string, message?: unknown, options?: { timeout?: number }): Promise<unknown>;
  publish(methodName: string, message?: unknown): Promise<void>;
  connect(): void;
  close(): void;
}
