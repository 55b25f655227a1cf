// What the server's errors mean: https://docs.couchdb.org/en/stable/api/basics.html#http-status-codes

import type { Classified } from "../../driver.js";
import { classifyHttp, type HttpReply } from "../../engines/http.js";

/** An error that the server reports, of a request or of one document. */
export class CouchError extends Error {
  readonly status: number;
  /** The server's word for it, such as `conflict`. */
  readonly error: string;
  readonly reason: string;

  constructor(status: number, error: string, reason: string) {
    super(`${status} ${error}: ${reason}`);
    this.name = "CouchError";
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

export function errorOf({ status, text }: HttpReply): CouchError {
  let said: { error?: unknown; reason?: unknown } = {};
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    // A proxy before the server speaks no JSON: the status says enough.
  }
  return new CouchError(status, typeof said.error === "string" ? said.error : "unknown", String(said.reason ?? ""));
}

const statusOfWord: Readonly<Record<string, number>> = { unauthorized: 401, forbidden: 403, conflict: 409, too_large: 413 };

/** The error of one document of a request that was carried out. */
export function memberError({ error, reason = "" }: { readonly error: string; readonly reason?: string }): CouchError {
  return new CouchError(statusOfWord[error] ?? 500, error, reason);
}

const none = { outcome: "none" } as const;

const byStatus: Readonly<Record<number, Classified>> = {
  400: { code: "invalid", ...none, message: "the server refuses the request" },
  401: { code: "unauthenticated", ...none, message: "the server refuses the user or password" },
  403: { code: "denied", ...none, message: "the server's rules do not allow the user this" },
  404: { code: "drift", ...none, message: "the database, or an index in it, does not exist; call sync() first" },
  413: { code: "too-large", ...none, message: "a row is larger than the server takes (max_document_size)" },
  429: { code: "limited", ...none, message: "the server asks to slow down" },
  502: { code: "unavailable", outcome: "unknown", message: "the server is not reached by what stands before it" },
  503: { code: "unavailable", outcome: "unknown", message: "the server is overloaded or lacks nodes" },
  504: { code: "timeout", outcome: "unknown", message: "the server took too long" },
};

/** Says what an error of the server or of the connection means; undefined when it is not known. */
export function classifyCouch(error: unknown): Classified | undefined {
  if (!(error instanceof CouchError)) return classifyHttp(error);
  if (error.error === "timeout") return { code: "timeout", outcome: "unknown", message: "the server took too long" };
  return byStatus[error.status];
}
