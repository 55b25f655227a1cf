// What DynamoDB's errors, and those of the way to it, mean.

import type { Classified } from "../../driver.js";

type Row = readonly [code: Classified["code"], outcome: Classified["outcome"], message: string];

const byName: Readonly<Record<string, Row>> = {
  ProvisionedThroughputExceededException: ["limited", "none", "over the provisioned capacity"],
  ThrottlingException: ["limited", "none", "throttled"],
  Throttling: ["limited", "none", "throttled"],
  RequestLimitExceeded: ["limited", "none", "over the account's request limit"],
  TooManyRequestsException: ["limited", "none", "throttled"],
  LimitExceededException: ["limited", "none", "too many changes of tables at once"],
  TransactionConflictException: ["limited", "none", "another transaction is changing the row"],
  TransactionInProgressException: ["limited", "none", "the same transaction is in progress"],
  ReplicatedWriteConflictException: ["limited", "none", "another region is changing the row"],
  ResourceInUseException: ["limited", "none", "the table is being changed"],
  ResourceNotFoundException: ["drift", "none", "the table does not exist in the store; call sync() first"],
  TableNotFoundException: ["drift", "none", "the table does not exist in the store; call sync() first"],
  ItemCollectionSizeLimitExceededException: ["too-large", "none", "rows of one partition take more than 10 GB"],
  AccessDeniedException: ["denied", "none", "the credentials do not allow this"],
  UnrecognizedClientException: ["unauthenticated", "none", "the access key is not known"],
  InvalidSignatureException: ["unauthenticated", "none", "the signature is wrong; check the secret key and the clock"],
  IncompleteSignatureException: ["unauthenticated", "none", "the access key is malformed"],
  MissingAuthenticationTokenException: ["unauthenticated", "none", "credentials are missing"],
  ExpiredTokenException: ["unauthenticated", "none", "the credentials have expired"],
  CredentialsProviderError: [
    "unauthenticated",
    "none",
    "no credentials found; give accessKeyId and secretAccessKey, or set up the SDK's own",
  ],
  InternalServerError: ["unavailable", "unknown", "the service failed"],
  InternalFailure: ["unavailable", "unknown", "the service failed"],
  ServiceUnavailable: ["unavailable", "unknown", "the service is unavailable"],
  ServiceUnavailableException: ["unavailable", "unknown", "the service is unavailable"],
  TimeoutError: ["timeout", "unknown", "no answer in time"],
  RequestTimeout: ["timeout", "unknown", "no answer in time"],
  AbortError: ["cancelled", "unknown", "cancelled by the caller's signal"],
};

const byNetworkCode: Readonly<Record<string, Row>> = {
  ECONNREFUSED: ["unavailable", "none", "connection refused"],
  ENOTFOUND: ["unavailable", "none", "the host is not known"],
  EAI_AGAIN: ["unavailable", "none", "the host cannot be looked up now"],
  EHOSTUNREACH: ["unavailable", "none", "the host cannot be reached"],
  ENETUNREACH: ["unavailable", "none", "the network cannot be reached"],
  ECONNRESET: ["unavailable", "unknown", "the connection was lost"],
  EPIPE: ["unavailable", "unknown", "the connection was lost"],
  ETIMEDOUT: ["timeout", "unknown", "no answer in time"],
};

// The service has one name for whatever is wrong with a request and tells the cases apart in words only.
const byValidationText: readonly (readonly [RegExp, Row])[] = [
  [/item size/i, ["too-large", "none", "the row takes more than 400 KB"]],
  [/size of (hash|range)key has exceeded|aggregated size of all range keys/i, ["too-large", "none", "a key is too long"]],
  [/expression size has exceeded|too many operands|operators or functions/i, ["too-large", "none", "a condition or a change is too long"]],
  [/transaction payload size/i, ["too-large", "none", "the rows of the transaction take more than 4 MB"]],
  [/does not have the specified index/i, ["drift", "none", "an index does not exist in the store; call sync() first"]],
  [/does not match the schema|type mismatch for (index )?key/i, ["drift", "none", "the stored table has another key"]],
];

/** Whether the connection ended before the answer. */
export function isLostConnection(error: unknown): boolean {
  return error instanceof Error && ["ECONNRESET", "EPIPE"].includes(networkCode(error) ?? "");
}

/** Whether a request named a table that there is not. */
export function isMissingTable(error: unknown): boolean {
  return error instanceof Error && (error.name === "ResourceNotFoundException" || error.name === "TableNotFoundException");
}

/** Tells what a native error means; undefined when it is not known. */
export function classifyDynamo(error: unknown): Classified | undefined {
  if (!(error instanceof Error)) return undefined;
  const row = rowFor(error);
  if (row === undefined) return undefined;
  const [code, outcome, message] = row;
  return { code, message, ...(outcome === undefined ? {} : { outcome }) };
}

function rowFor(error: Error): Row | undefined {
  const code = networkCode(error);
  if (code !== undefined && byNetworkCode[code] !== undefined) return byNetworkCode[code];
  if (/socket hang up/i.test(error.message)) return byNetworkCode["ECONNRESET"];
  if (error.name === "ValidationException") return validationRow(error.message);
  if (error.name === "TransactionCanceledException") return canceledRow(error);
  if (error.message.startsWith("Region is missing"))
    return ["invalid", "none", "the region is missing; write dynamodb:us-east-1 or set AWS_REGION"];
  return byName[error.name];
}

function networkCode(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

function validationRow(message: string): Row {
  return byValidationText.find(([text]) => text.test(message))?.[1] ?? ["internal", "none", "the service refused the request as invalid"];
}

/** Why the items of a cancelled transaction failed, in order; undefined for other errors. */
export function cancellationReasons(
  error: unknown,
): readonly { readonly Code?: string | undefined; readonly Message?: string | undefined }[] | undefined {
  if (!(error instanceof Error) || error.name !== "TransactionCanceledException") return undefined;
  return (error as { CancellationReasons?: readonly { Code?: string; Message?: string }[] }).CancellationReasons ?? [];
}

function canceledRow(error: Error): Row {
  const reasons = cancellationReasons(error) ?? [];
  const codes = new Set(reasons.map((reason) => reason.Code));
  if (codes.has("ItemCollectionSizeLimitExceeded")) return byName["ItemCollectionSizeLimitExceededException"]!;
  const refused = reasons.find((reason) => reason.Code === "ValidationError");
  if (refused !== undefined) return validationRow(refused.Message ?? "");
  if (codes.has("TransactionConflict")) return byName["TransactionConflictException"]!;
  if (codes.has("ProvisionedThroughputExceeded")) return byName["ProvisionedThroughputExceededException"]!;
  if (codes.has("ThrottlingError")) return byName["ThrottlingException"]!;
  return ["internal", "none", "the transaction was cancelled"];
}
