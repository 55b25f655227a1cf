// The two forms of a message: the path and query of a request to read, such as a URL that is signed; or a request with an id.

import type { Asked } from "./socket-request.js";
import { HttpError } from "../error-response.js";
import { parseJson } from "../request/json.js";
import { methods } from "../request/methods.js";

export interface Message {
  /** Its reply has it too; undefined for a bare path, which is replied to as it is. */
  readonly id?: unknown;
  readonly isBare: boolean;
  readonly asked: Asked;
}

/** What is wrong with a message. */
export interface BadMessage {
  readonly id?: unknown;
  readonly problem: string;
}

const names: ReadonlySet<string> = new Set(["id", "path", "method", "body", "signature"]);
/** What may stand in the target of a request. A fragment is never sent. */
const target = /^\/[!"$-~]*$/;

export function readMessage(text: string, maxJsonDepth: number): Message | BadMessage {
  if (text.startsWith("/"))
    return target.test(text)
      ? { isBare: true, asked: { method: "GET", target: text } }
      : { problem: "the path has other characters than a URL" };
  let json: unknown;
  try {
    // The message is a level around its body.
    json = parseJson(text, maxJsonDepth + 1, "the message");
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { problem: error.message };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return { problem: "a message is a path, or a JSON object with one" };
  const { id, path, method, body, signature } = json as Readonly<Record<string, unknown>>;
  const bad = (problem: string): BadMessage => ({ id, problem });
  const unknown = Object.keys(json).find((name) => !names.has(name));
  if (unknown !== undefined) return bad(`a message has no ${JSON.stringify(unknown.slice(0, 50))}; there are ${[...names].join(", ")}`);
  if (typeof path !== "string" || !target.test(path)) return bad("path must be a path, with its query");
  if (method !== undefined && !(methods as readonly unknown[]).includes(method)) return bad(`method must be one of ${methods.join(", ")}`);
  if (signature !== undefined && (typeof signature !== "string" || !/^[!-~]{1,4000}$/.test(signature)))
    return bad("signature must be what the header bk-signature has");
  const isRead = method === "GET" || method === "HEAD";
  if (body !== undefined && isRead) return bad(`${method} has no body`);
  return {
    id,
    isBare: false,
    asked: {
      method: (method as string | undefined) ?? (body === undefined ? "GET" : "POST"),
      target: path,
      // A text is the JSON itself, as it was signed.
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      signature: signature as string | undefined,
    },
  };
}
