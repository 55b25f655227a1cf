// What may be told of requests in the access log beside the usual: `q:page`, `h:x-app`, `a:type`.

import { BkError } from "@bk/core";

import { rawTarget } from "../request/check-frame.js";
import type { ServerRequest } from "../routes/server-context.js";

type Reader = (context: ServerRequest) => string | undefined;

/** What logs in, wherever it is sent. */
const secret = /auth|cookie|sign|secret|token|pass|session|key|code|credential/i;

/** The names of a list that are no fields. */
export const isAccessField = (text: string): boolean => readerOf(text) !== undefined;

/**
 * Gives what reads the fields of a request.
 *
 * @param names  `q:name` for a parameter of the query, `h:name` for a header, `a:name` for a member of the account
 * @throws BkError `invalid` for another name, or one that sounds like a secret
 */
export function accessFields(names: readonly string[]): (context: ServerRequest) => Readonly<Record<string, string | undefined>> {
  const readers = names.map((name): [string, Reader] => {
    const read = readerOf(name);
    if (read === undefined)
      throw new BkError(
        "invalid",
        `accessLog.fields: ${JSON.stringify(name.slice(0, 60))} is not q:name, h:name or a:name, or is a secret`,
        {
          detail: { field: "accessLog.fields" },
        },
      );
    return [name.slice(2), read];
  });
  return (context) => Object.fromEntries(readers.map(([name, read]) => [name, read(context)]));
}

function readerOf(text: string): Reader | undefined {
  const [, kind, name] = /^([qha]):([\w.-]{1,60})$/.exec(text) ?? [];
  if (name === undefined || secret.test(name)) return undefined;
  if (kind === "h") return (context) => context.req.header(name);
  if (kind === "a") return (context) => textOf((context.get("allowed")?.account as Readonly<Record<string, unknown>> | undefined)?.[name]);
  return (context) => new URLSearchParams(rawTarget(context).split("?")[1]).get(name) ?? undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
