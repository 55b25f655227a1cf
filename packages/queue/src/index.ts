// The package's front door.

export { QueueError, type QueueErrorOptions } from "./errors.js";

export { openPubSub } from "./pubsub/open-pubsub.js";
export type { PubSub } from "./pubsub/pubsub.js";
export type { Message, Subscription } from "./pubsub/subscription.js";
export type { MessageHandler, MessageInfo, Missed, PubSubOptions, SubscribeOptions, SubscriptionStats } from "./pubsub/options.js";
export type { EngineSubscription, Payload, PubSubCapabilities, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "./pubsub/driver.js";
