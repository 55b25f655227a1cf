// What the routes share: made once when the server is made.

import type { AccountStore, Allowed, Auth, RateLimits, RefusalNote } from "@bk/auth";
import type { RowRules } from "@bk/auth/row-rules";
import type { Log } from "@bk/core";
import type { EventStream } from "@bk/modules";
import type { Context } from "hono";
import type { HttpBindings } from "@hono/node-server";

import type { DataLimits, ReadControls } from "../data/controls.js";
import type { ServedDb } from "../data/served-db.js";
import type { ServedTable } from "../data/served-table.js";
import type { Hooks } from "../hooks/run-hooks.js";
import type { Locales, Translated } from "../locales/locales.js";
import type { EndpointMap, Found } from "../modules/endpoint-map.js";
import type { AccessRecord, AccessWriter } from "../logging/access-line.js";
import type { LoginRedirect } from "../middleware/login-redirect.js";
import type { RefusalWatch } from "../modules/refusal-watch.js";
import type { FieldLimits } from "../request/fields.js";
import type { FoundFile } from "../static/file-reply.js";
import type { StaticFiles } from "../static/static-files.js";
import type { Upload, Uploads } from "../request/upload.js";
import type { Version } from "../request/version.js";

/** What is served of logging in beside `/login` itself. */
export interface PeopleServed {
  /** A second step. */
  readonly codes: boolean;
  /** Secrets that were forgotten. */
  readonly resets: boolean;
}

/** How requests are told. */
export interface AccessLog {
  readonly write: AccessWriter;
  /** Whether it is told how much was sent, once it was. */
  readonly isTold: boolean;
  readonly fields: (context: ServerRequest) => AccessRecord["fields"];
}

export interface ServerContext {
  readonly db: ServedDb;
  readonly tables: ReadonlyMap<string, ServedTable>;
  readonly rules: RowRules;
  readonly auth: Auth;
  readonly accounts: Pick<AccountStore, "findByLogin">;
  readonly log: Log;
  /** Where requests are told; undefined: nowhere. */
  readonly accessLog: AccessLog | undefined;
  /** What the modules serve. */
  readonly endpoints: EndpointMap;
  /** What people who log in find here; undefined where they cannot. */
  readonly people: PeopleServed | undefined;
  readonly limits: DataLimits &
    FieldLimits & { readonly maxBodyBytes: number; readonly maxReplyBytes: number; readonly maxScanRows: number };
  readonly readControls: ReadControls;
  readonly rates: RateLimits;
  readonly watchRefusal: RefusalWatch;
  readonly redirectToLogin: LoginRedirect;
  /** Addresses are refused, at `/ping` too. */
  readonly refusesAddresses: boolean;
  readonly hooks: Hooks;
  /** Names of columns that nobody sees, of logins and of whatever table. */
  readonly secrets: ReadonlySet<string>;
  /** Origins whose pages may open sockets with a session, beside those of the server's own host. */
  readonly trustedOrigins: readonly string[];
  /** Files for everybody. */
  readonly files: StaticFiles | undefined;
  /** What is said in other languages. */
  readonly locales: Pick<Locales, "translate"> | undefined;
  /** Where bodies go that are not held in memory. */
  readonly uploads: Uploads;
  /** The address that a request comes from; undefined where there is no socket. */
  readonly addressOf: (context: ServerRequest) => string | undefined;
  /** Whether a request came over TLS. */
  readonly isSecure: (request: Pick<HttpBindings["incoming"], "socket" | "headers">) => boolean;
  /** A proxy of this server's own has named each request. */
  readonly takesRequestIds: boolean;
}

/** What the gate leaves for the routes. */
export interface RequestVariables {
  readonly allowed: Allowed;
  readonly body: Uint8Array;
  /** A body that goes to a file, in place of `body`. */
  readonly upload: Upload | undefined;
  /** The module's endpoint of the path, where there is one. */
  readonly found: Found | undefined;
  /** The file that is asked for, where there is one. */
  readonly file: FoundFile | "folder" | undefined;
  /** The version that the request asks for. */
  readonly version: Version | undefined;
  /** The id that the log and the reply have. */
  readonly requestId: string;
  /** What an endpoint streams; sent when all have had their say of the reply's headers. */
  readonly events: EventStream | undefined;
  /** A phrase in the language that the request asks for; absent where there are no others. */
  readonly phrase: ((text: string, args?: readonly unknown[]) => Translated) | undefined;
  /** Why the gate let nobody in, for the log. */
  readonly refused: RefusalNote;
}

/** What opens a WebSocket, or a message of one. */
export interface FromSocket {
  /** Of a message: the id of the request that opened the socket. */
  readonly openedBy?: string;
  /** Of the request that opens it: told when its credentials count no more. */
  readonly onRefused?: () => void;
}

export interface ServerBindings extends Partial<HttpBindings> {
  readonly fromSocket?: FromSocket;
  /** Sends a stream of events, and gives what stands for the reply that it was; without it events are a body as any. */
  readonly sendEvents?: (events: EventStream, reply: Response, env: ServerBindings) => Response;
}

export type ServerEnv = { Bindings: ServerBindings; Variables: RequestVariables };
export type ServerRequest = Context<ServerEnv>;
