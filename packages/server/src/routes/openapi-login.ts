// What the OpenAPI document says of people who log in.

import type { PeopleServed } from "./server-context.js";
import { tokenLimits } from "./tokens.js";

type Json = Record<string, unknown>;

export const loginSchemes: Json = {
  session: { type: "apiKey", in: "cookie", name: "__Host-bk-sid", description: "What /login sets with _session=1." },
  token: { type: "http", scheme: "bearer", description: "What /login gives with _accesstoken=1." },
};

export const flag = { description: "1 or 0", enum: [true, false, 1, 0, "1", "0", "true", "false"] };
const text = { type: "string" };
const nothing: Json = { type: "object", additionalProperties: false };

const bodyOf = (properties: Json, required: readonly string[]): Json => {
  const schema = { type: "object", properties, additionalProperties: false, ...(required.length > 0 ? { required } : {}) };
  return { required: required.length > 0, content: { "application/json": { schema }, "application/x-www-form-urlencoded": { schema } } };
};

const tokenProperties = {
  name: { ...text, minLength: 1, maxLength: tokenLimits.longestName },
  scopes: {
    description: "What it may be used for; default all that the account may do. In a form, text between semicolons.",
    anyOf: [
      {
        type: "array",
        maxItems: tokenLimits.mostScopes,
        items: { ...text, maxLength: tokenLimits.longestScope, examples: ["GET /data/*"] },
      },
      text,
    ],
  },
  age: { type: "integer", minimum: tokenLimits.shortestMs, description: "How long it holds, in milliseconds; default as that of /auth" },
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

export function loginPaths(parts: DocumentParts, { codes, resets }: PeopleServed): Json {
  return { ...sessionPaths(parts), ...(codes ? codePaths(parts) : {}), ...(resets ? resetPaths(parts) : {}) };
}

const answerIn =
  ({ reply, errors }: DocumentParts) =>
  (summary: string, schema: Json): Json => ({ summary, responses: { "200": reply(summary, schema), ...errors } });

/** The second step. */
function codePaths(parts: DocumentParts): Json {
  const answer = answerIn(parts);
  const withCode = (id: string, operation: Json): Json =>
    parts.pathItem(id, operation, [{ name: "code", in: "query", required: true, schema: text }], [], bodyOf({ code: text }, ["code"]));
  return {
    "/auth/totp/add": parts.pathItem(
      "addTotp",
      answer("Begins one-time codes: what an app on a phone needs, to be confirmed by a code", {
        type: "object",
        required: ["secret", "uri"],
        properties: { secret: { ...text, description: "base32, for typing" }, uri: { ...text, description: "otpauth://, for a QR code" } },
      }),
      [],
      [],
      undefined,
    ),
    "/auth/totp/confirm": withCode(
      "confirmTotp",
      answer("Ends the beginning by a code: from now on /login wants one. Gives recovery codes, once", {
        type: "object",
        required: ["recovery_codes"],
        properties: { recovery_codes: { type: "array", items: text } },
      }),
    ),
    "/auth/totp/del": withCode("delTotp", answer("Ends one-time codes, by a code or a recovery code", nothing)),
  };
}

/** Secrets that were forgotten. */
function resetPaths(parts: DocumentParts): Json {
  const answer = answerIn(parts);
  const post = (operationId: string, summary: string, properties: Json): Json => ({
    post: { operationId, security: [], ...answer(summary, nothing), requestBody: bodyOf(properties, Object.keys(properties)) },
  });
  return {
    "/login/reset": post("reset", "Mails a token to the account of a login, if there is one; the reply is the same for all", {
      login: text,
    }),
    "/login/reset/confirm": post("confirmReset", "Sets a secret by the token of a mail", { token: text, secret: text }),
  };
}

function sessionPaths(parts: DocumentParts): Json {
  const { pathItem } = parts;
  const answer = answerIn(parts);
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
    "/auth": pathItem(
      "auth",
      answer("The account that asks, without its secrets; a session or an access token for it, where it is asked for", { type: "object" }),
      [
        { name: "_session", in: "query", description: "1 begins a session, 0 ends the one that asks", schema: flag },
        { name: "_accesstoken", in: "query", schema: flag },
      ],
      [],
      bodyOf({ _session: flag, _accesstoken: flag }, []),
    ),
    "/auth/tokens/add": pathItem(
      "addToken",
      answer(
        "Gives an access token with a name; it may do less than its account. `/auth/sessions` lists it, and `/auth/sessions/revoke` ends it",
        {
          type: "object",
          required: ["id", "name", "scopes", "expires", "bk-access-token", "bk-access-token-age"],
          properties: {
            id: text,
            name: text,
            scopes: { type: ["array", "null"], items: text },
            expires: { type: "integer", description: "Milliseconds since 1970" },
            "bk-access-token": { ...text, description: "Shown once" },
            "bk-access-token-age": { type: "integer", description: "Milliseconds" },
          },
        },
      ),
      [
        { name: "name", in: "query", required: true, schema: tokenProperties.name },
        { name: "scopes", in: "query", description: "Between semicolons.", schema: text },
        { name: "age", in: "query", schema: tokenProperties.age },
      ],
      [],
      bodyOf(tokenProperties, ["name"]),
    ),
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
