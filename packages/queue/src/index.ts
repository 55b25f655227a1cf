// The package's front door.

export { QueueError, type QueueErrorOptions } from "./errors.js";

export { openPubSub } from "./pubsub/open-pubsub.js";
export type { PubSub } from "./pubsub/pubsub.js";
export type { Message, Subscription } from "./pubsub/subscription.js";
export type { MessageHandler, MessageInfo, Missed, PubSubOptions, SubscribeOptions, SubscriptionStats } from "./pubsub/options.js";
export type { EngineSubscription, Payload, PubSubCapabilities, PubSubDriver, PubSubDriverOptions, Sink, Wanted } from "./pubsub/driver.js";
export type { Limits } from "./common/limits.js";
export { openQueue, type QueueOptions, type QueueSource } from "./queue/open-queue.js";
export { queueTables } from "./drivers/db/tables.js";
export type { DbLike } from "./drivers/db/db-like.js";
export type { Item, Queue, QueueStats, Receipt } from "./queue/queue.js";
export type { MessageOptions, SubmitOptions } from "./queue/submit-options.js";
export type { Handler, HandlerContext, ListenOptions } from "./queue/listen-options.js";
export type { Listener } from "./queue/listener.js";
export { HandlerStopped, type StopReason } from "./queue/delivery.js";
export { type Backoff, type Failure, failureByStatus, GiveUp, TryLater } from "./queue/verdict.js";
export type { DeadChoice, DeadMessages, DeadPage, DeadRow } from "./queue/dead.js";
export type { EventListener, EventName, QueueEvents } from "./queue/events.js";
export { defineJobs } from "./jobs/define-jobs.js";
export type { JobDefinition, JobDefinitions, JobsOptions } from "./jobs/job-definition.js";
export type { CancelChoice } from "./jobs/cancel-notes.js";
export type { Jobs, JobSubmitOptions, QueueLike } from "./jobs/jobs.js";
export type { JobEvent } from "./jobs/trace-job.js";
export type { JobContext, JobReport } from "./jobs/job-context.js";
export type { JobInputs, JobSpec } from "./jobs/job-spec.js";
export type { BusLike, LockLike, LocksLike } from "./jobs/interfaces.js";
export type { Unique } from "./jobs/unique.js";
export { openOutbox, type Outbox, type OutboxOptions } from "./queue/outbox.js";
export type { QueueMetrics } from "./queue/metrics.js";
export type {
  DeadMessage,
  NewMessage,
  OpenQueueDriver,
  QueueCapabilities,
  QueueDriver,
  QueueDriverOptions,
  Settlement,
  StatName,
  Submitted,
  Taken,
  TakeRequest,
  Verdict,
  Which,
} from "./queue/driver.js";

export { openService } from "./services/open-service.js";
export type { Service } from "./services/service.js";
export type { CallContext, MethodDefinition, MethodHandler, Methods, RequestOptions, ServiceOptions } from "./services/options.js";
export type {
  Body,
  InstanceInfo,
  Reply,
  ServiceCaller,
  ServiceCapabilities,
  ServiceDriver,
  ServiceDriverOptions,
  ServiceHost,
  Serving,
} from "./services/driver.js";

export { openCron, type CronJobs, type CronOptions } from "./cron/open-cron.js";
export type { Claims } from "./cron/claims.js";
export type { Cron, CronDue, CronListing, SubmitDue } from "./cron/cron.js";
export type { CronEntry } from "./cron/entries.js";

export { openPubSubs, openQueues, type PubSubs, type PubSubSpec, type Queues, type QueueSpec } from "./open-named.js";
