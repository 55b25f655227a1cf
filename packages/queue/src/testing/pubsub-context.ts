import type { PubSubOptions } from "../pubsub/options.js";
import type { PubSub } from "../pubsub/pubsub.js";

/** What the tests are given. */
export interface PubSubContext {
  open(options?: PubSubOptions): Promise<PubSub>;
  /** A part of a channel that no other test has. */
  fresh(): string;
}
