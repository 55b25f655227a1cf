import { BkError } from "@bk/core";

import { invalid } from "../common/failures.js";
import { endpoint, type Endpoint } from "../contract/endpoint.js";
import type { PushcartService } from "./service.js";

const message = {
  type: "object",
  required: ["_id", "app"],
  properties: {
    _id: { type: "string", pattern: "^[0-9a-f]{24}$" },
    app: { type: "object", required: ["_id", "name"], properties: { _id: { type: "string" }, name: { type: "string" } } },
  },
  additionalProperties: true,
} as const;

const created = (body: object): Response => Response.json(body, { status: 201 });
const maxBodyBytes = 64 * 1024;

export function pushcartRoutes(service: PushcartService, prefix: string): Endpoint[] {
  return [
    endpoint({
      path: `${prefix}/messages`,
      summary: "POST with X-App-Token adds a message, any JSON object; GET with X-Client-Token reads messages after an id, oldest first",
      who: "anybody",
      parameters: {
        since: { max: 24, about: "the id of the last message that was seen" },
        limit: { type: "int", min: 1, max: 1000, default: 100 },
      },
      body: { type: "object", additionalProperties: true },
      maxBodyBytes,
      reply: { oneOf: [message, { type: "array", items: message }] },
      async answer({ method, headers, values, body }) {
        if (method === "POST") return created(await service.post(headers.get("x-app-token") ?? undefined, body));
        return service.read(headers.get("x-client-token") ?? undefined, values.since, values.limit);
      },
    }),
    endpoint({
      path: `${prefix}/clients`,
      summary: "Registers a client, with X-Auth-Token; the reply has its token, which is shown once",
      who: "anybody",
      body: { type: "object", required: ["type"], properties: { type: { type: "string" } }, additionalProperties: true },
      maxBodyBytes,
      reply: {
        type: "object",
        required: ["_id", "type", "token"],
        properties: { _id: { type: "string" }, type: { type: "string" }, token: { type: "string" } },
      },
      async answer({ method, headers, body }) {
        if (!service.maySignUp(headers.get("x-auth-token") ?? undefined))
          throw new BkError("unauthenticated", "the token is missing or not known");
        if (method !== "POST") throw invalid("clients are registered by POST", "method");
        if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("a client is a JSON object", "body");
        const { type, ...info } = body as Record<string, unknown>;
        if (typeof type !== "string") throw invalid("type is required", "type");
        return created(await service.addClient(type, info));
      },
    }),
  ];
}
