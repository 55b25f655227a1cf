// What the OpenAPI document says of people who log in.

type Json = Record<string, unknown>;

export const loginSchemes: Json = {
  session: { type: "apiKey", in: "cookie", name: "__Host-bk-sid", description: "What /login sets with _session=1." },
  token: { type: "http", scheme: "bearer", description: "What /login gives with _accesstoken=1." },
};

const flag = { description: "1 or 0", enum: [true, false, 1, 0, "1", "0", "true", "false"] };
const text = { type: "string" };

const bodyOf = (properties: Json, required: readonly string[]): Json => {
  const schema = { type: "object", properties, additionalProperties: false, ...(required.length > 0 ? { required } : {}) };
  return { required: required.length > 0, content: { "application/json": { schema }, "application/x-www-form-urlencoded": { schema } } };
};

const session: Json = {
  type: "object",
  required: ["id", "kind", "created", "used", "expires", "current"],
  properties: {
    id: text,
    kind: { enum: ["session", "token"] },
    ...Object.fromEntries(
      ["created", "used", "expires"].map((name) => [name, { type: "integer", description: "Milliseconds since 1970" }]),
    ),
    ...Object.fromEntries(["address", "agent", "name"].map((name) => [name, { type: ["string", "null"] }])),
    scopes: { type: ["array", "null"], items: text },
    current: { type: "boolean" },
  },
};

/** How the document writes replies, errors, and paths that take every method. */
export interface DocumentParts {
  readonly reply: (description: string, schema: Json) => Json;
  readonly errors: Json;
  readonly pathItem: (id: string, operation: Json, query: readonly Json[], inPath: readonly Json[], requestBody: Json | undefined) => Json;
}

export function loginPaths({ reply, errors, pathItem }: DocumentParts): Json {
  const answer = (summary: string, schema: Json): Json => ({ summary, responses: { "200": reply(summary, schema), ...errors } });
  return {
    "/login": {
      post: {
        operationId: "login",
        security: [],
        ...answer("Checks a login with its secret; gives the account, and what is asked for", { type: "object" }),
        requestBody: bodyOf({ login: text, secret: text, code: text, _session: flag, _accesstoken: flag }, ["login", "secret"]),
      },
    },
    "/logout": { post: { operationId: "logout", security: [], ...answer("Ends the session or token that is sent", { type: "object" }) } },
    "/auth/sessions": pathItem(
      "sessions",
      answer("The sessions and access tokens of the account", {
        type: "object",
        required: ["count", "data"],
        properties: { count: { type: "integer" }, data: { type: "array", items: session }, next_token: text },
      }),
      [],
      [],
      undefined,
    ),
    "/auth/sessions/revoke": pathItem(
      "revokeSessions",
      answer("Ends one session or token, or all but the one that asks", { type: "object", properties: { revoked: { type: "integer" } } }),
      [
        { name: "id", in: "query", schema: text },
        { name: "all", in: "query", schema: flag },
      ],
      [],
      bodyOf({ id: text, all: flag }, []),
    ),
  };
}
