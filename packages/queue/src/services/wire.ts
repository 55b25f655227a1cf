// The messages of services. Those of one call are picom's (github.com/asafyish/picom, 0.6): a request is JSON or empty, an answer
// `{ "payload": … }` or `{ "error": text }`, to which `status`, `code`, `outcome` and `data` are added. Those of several calls are our own.

import { BkError, type ErrorCode, errorCodes, httpStatuses, type Outcome } from "@bk/core";

import { QueueError, type QueueErrorOptions } from "../errors.js";
import type { Body } from "./driver.js";

const decoder = new TextDecoder("utf-8", { fatal: true });
export const textOf = (body: Body): string => (typeof body === "string" ? body : decoder.decode(body));

/** @throws SyntaxError or TypeError when it is not JSON */
export function readRequest(body: Body): unknown {
  return body.length === 0 ? undefined : JSON.parse(textOf(body));
}

/** An error as it travels. */
export interface WireError {
  readonly error: string;
  readonly status?: number;
  readonly code?: string;
  readonly outcome?: string;
  readonly data?: unknown;
}

export function wireError(code: ErrorCode, error: string): WireError {
  return { error, status: httpStatuses[code], code, outcome: "none" };
}

/**
 * What a handler threw, as it travels: the message of an error, with the code, outcome and detail of ours, and `status` or `code` that
 * another has; a text as it is; anything else as JSON, as picom does. Neither stack nor cause nor other fields of an error are sent.
 */
export function wireErrorOf(thrown: unknown): WireError {
  if (thrown instanceof BkError) {
    const { message, code, outcome, detail } = thrown;
    return { error: message, status: httpStatuses[code], code, outcome, ...(isJson(detail) ? { data: detail } : {}) };
  }
  if (thrown instanceof Error) {
    const { status, code } = thrown as { status?: unknown; code?: unknown };
    return {
      error: thrown.message === "" ? thrown.name : thrown.message,
      status: typeof status === "number" && Number.isInteger(status) ? status : 500,
      ...(typeof code === "string" ? { code } : {}),
    };
  }
  return { error: typeof thrown === "string" ? thrown : textOfThrown(thrown), status: 500 };
}

function isJson(value: unknown): boolean {
  if (value === undefined) return false;
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

function textOfThrown(thrown: unknown): string {
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return "an error that cannot be told";
  }
}

/** The error of a call, from the answer of a peer: ours, or picom's, whose texts for its own refusals are known. */
export function remoteError(answer: WireError, where: QueueErrorOptions): QueueError {
  const text = typeof answer.error === "string" ? answer.error : (JSON.stringify(answer.error) ?? "");
  const { code, status, outcome, data } = answer;
  const detail = {
    remote: true,
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    ...(data === undefined ? {} : { data }),
  };
  const own = code === undefined ? codeOfText(text) : isCode(code) ? code : "internal";
  const isRefusal = code === undefined && own !== "internal";
  return new QueueError(own, text, { ...where, outcome: isRefusal ? "none" : isOutcome(outcome) ? outcome : "unknown", detail });
}

function codeOfText(text: string): ErrorCode {
  return text.startsWith("Method not found ") ? "not-found" : text === "Bad JSON request" ? "invalid" : "internal";
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorCodes, code);
const isOutcome = (outcome: unknown): outcome is Outcome =>
  outcome === "none" || outcome === "some" || outcome === "unknown" || outcome === "done";

/** The answer to one call; `json` is its payload, undefined where there is none. */
export const answerText = (json: string | undefined): string => (json === undefined ? "{}" : `{"payload":${json}}`);

/** One of several calls in a message: `[id,"method",payload]`. */
export const callText = (id: number, method: string, json: string): string =>
  json === "" ? `[${id},"${method}"]` : `[${id},"${method}",${json}]`;

/** One of several answers in a message: `[id,payload]`, or `[id,null,error]`. */
export const partText = (id: number, json: string | undefined): string => (json === undefined ? `[${id}]` : `[${id},${json}]`);
export const partErrorText = (id: number, error: WireError): string => `[${id},null,${JSON.stringify(error)}]`;

/** The parts of a message, each of them a list that begins with a number; others are left out. */
export function readParts(body: Body): [number, ...unknown[]][] {
  const all: unknown = JSON.parse(textOf(body));
  if (!Array.isArray(all)) throw new SyntaxError("not a list");
  return all.filter((part): part is [number, ...unknown[]] => Array.isArray(part) && typeof part[0] === "number");
}
