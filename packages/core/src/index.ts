export { BkError, type BkErrorOptions, errorCodes, type ErrorCode, type ErrorDetail, isRetryable, type Outcome } from "./errors.js";
export { type ClientEvent, type ClientEventName, clientEventNames, ClientEvents } from "./client-events.js";
export { cancelledError, type Clock, systemClock, testClock, type TestClock, type TestClockOptions } from "./clock.js";
export { lostConnectionCodes, notReachedCodes } from "./connection-codes.js";
export { httpStatuses } from "./http-statuses.js";
export { retry, type RetryOptions } from "./retry.js";
export {
  consoleLog,
  type ConsoleLogOptions,
  type Log,
  type LogFields,
  type LogFormat,
  logFormats,
  type LogLevel,
  logLevels,
  silentLog,
} from "./log.js";
export { plainText } from "./plain-text.js";
export { redactUrl } from "./redact-url.js";
export { type Closable, NamedClients, type NamedClientsOptions } from "./named-clients.js";
export { findNodeModule, nodeModule, type NodeModules } from "./node-module.js";
export { type ConnectUrl, type Host, parseConnectUrl } from "./connect-url.js";
export { onAbort } from "./on-abort.js";
export { nextTurn, turnGiver } from "./next-turn.js";
export {
  either,
  flag,
  integer,
  list,
  number,
  oneOf,
  type OptionType,
  type OptionTypes,
  problemOf,
  readOptions,
  type ReadOptions,
  settingsOf,
  string,
} from "./options.js";
export { type ConfigValues, defineConfig, type Definitions, type Parameter } from "./parameters.js";
