// What the server's errors mean: https://docs.riak.com/riak/kv/latest/developing/api/http

import type { Classified } from "../../driver.js";
import { classifyHttp, type HttpReply } from "../../engines/http.js";

/** An error that the server reports. */
export class RiakError extends Error {
  readonly status: number;

  constructor({ status, text }: Pick<HttpReply, "status" | "text">) {
    super(`${status}: ${text.slice(0, 200)}`);
    this.name = "RiakError";
    this.status = status;
  }
}

const none = { outcome: "none" } as const;

const byStatus: Readonly<Record<number, Classified>> = {
  400: { code: "invalid", ...none, message: "the server refuses the request" },
  401: { code: "unauthenticated", ...none, message: "the server refuses the user or password" },
  403: { code: "denied", ...none, message: "the server's rules, or a hook of the bucket, do not allow this" },
  413: { code: "too-large", ...none, message: "a row is larger than the server takes (object.size.maximum)" },
  426: { code: "unauthenticated", ...none, message: "the server takes passwords by TLS alone; write riaks://" },
  431: { code: "too-large", ...none, message: "a key or an indexed value is longer than the server takes" },
  503: { code: "unavailable", outcome: "unknown", message: "too few nodes answered, or not in time" },
};

/** Says what an error of the server or of the connection means; undefined when it is not known. */
export function classifyRiak(error: unknown): Classified | undefined {
  if (!(error instanceof RiakError)) return classifyHttp(error);
  // An index without a backend that has any.
  if (error.status === 500 && error.message.includes("indexes_not_supported"))
    return { code: "unsupported", ...none, message: "the server's storage backend has no indexes; take leveldb or memory" };
  return byStatus[error.status];
}
