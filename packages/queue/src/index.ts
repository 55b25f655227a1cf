// The package's front door.

export { QueueError, type QueueErrorOptions } from "./errors.js";
