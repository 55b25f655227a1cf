// One path of the OpenAPI document.

import { methods } from "../request/methods.js";
import type { Json } from "./openapi-tables.js";

const headReplies: Json = {
  "200": { description: "As GET, without a body" },
  "4XX": { description: "As GET, without a body" },
  "5XX": { description: "As GET, without a body" },
};

/** One path with all the methods that it takes. */
export function pathItem(
  id: string,
  operation: Json,
  query: readonly Json[],
  inPath: readonly Json[],
  requestBody: Json | undefined,
  taken: readonly string[] = methods,
): Json {
  const suffix: Readonly<Record<string, string>> = {
    GET: "ByQuery",
    HEAD: "Head",
    POST: "",
    PUT: "ByPut",
    PATCH: "ByPatch",
    DELETE: "ByDelete",
  };
  return Object.fromEntries(
    taken.map((method): [string, Json] => {
      const isRead = method === "GET" || method === "HEAD";
      const { responses, ...others } = operation as { readonly responses: Json };
      const shown = method === "HEAD" ? headReplies : responses;
      const parameters = isRead || requestBody === undefined ? query : inPath;
      return [
        method.toLowerCase(),
        {
          operationId: `${id}${suffix[method]}`,
          ...others,
          ...(parameters.length > 0 ? { parameters } : {}),
          ...(isRead || requestBody === undefined ? {} : { requestBody }),
          responses: shown,
        },
      ];
    }),
  );
}
