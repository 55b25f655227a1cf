// Hooks: what an app or a module has done beside the requests of others. They are data, as endpoints are.

import type { Row } from "./database.js";
import type { Caller } from "./endpoint.js";

/** A request as hooks see it. */
export interface HookRequest {
  /** The id that the log and the reply (`x-request-id`) have. */
  readonly id: string;
  readonly method: string;
  /** Without its query. Of an item of a batch, or an order of pico: the path that a request for it would have. */
  readonly path: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly headers: Headers;
  readonly address: string | undefined;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** What a hook decides of a request. */
export interface HookVerdict {
  /** 200: it goes on, without an account where none was let in; 301, 302, 303, 307 or 308 with `location`; 400 to 599: it is refused. */
  readonly status: number;
  readonly location?: string;
  /** For people. Default: that it is refused. */
  readonly message?: string;
  /** For programs. Default `denied`. */
  readonly code?: string;
}

/** What was found of the credentials of a request. */
export type Verdict =
  | { readonly ok: true; readonly caller: Caller; readonly source: string }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly message: string };

/** An error reply, as the client is told of it. */
export interface ErrorReply {
  readonly status: number;
  readonly message: string;
  readonly code: string;
  readonly field?: string;
}

/** How a request ended. */
export interface Outcome {
  readonly status: number;
  readonly ms: number;
  /** Undefined where nobody was let in. */
  readonly caller: Caller | undefined;
}

type Awaitable<T> = T | Promise<T>;
type Decision = Awaitable<HookVerdict | undefined> | Awaitable<void>;

/** Which requests a hook is for. */
export interface HookPlace {
  /** A path with everything below it: `/data` is for `/data/get/note` too, and `/` for all. A regular expression is used as it is. */
  readonly path: string | RegExp;
  /** Default all; `GET` means `HEAD` too. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
}

/**
 * A hook. Those of the app come first, then those of its modules, each in their order.
 *
 * One that throws has the request answered by its `BkError`, or with 500; one that does not settle in `hookTimeoutMs` with 504. `cleanup` and
 * `sendStatus` are only logged then. `/ping` has no hooks.
 */
export type Hook = HookPlace &
  (
    | {
        /** Before credentials are looked at. The first verdict counts; none: credentials decide. What rules close stays closed. */
        readonly on: "accessCheck";
        run(request: HookRequest): Decision;
      }
    | {
        /** When credentials were checked, also where they were refused. A verdict takes the place of what was found. */
        readonly on: "preProcess";
        run(request: HookRequest, verdict: Verdict): Decision;
      }
    | {
        /**
         * When it is done, before rows are sent as JSON or in another form. It may change the rows as the caller would see them, in place: each is an
         * object of JSON values. What it puts in that the caller may not see is taken out again.
         */
        readonly on: "postProcess";
        run(request: HookRequest, rows: readonly Row[], caller: Caller): Awaitable<void>;
      }
    | {
        /** Before an error is replied: another message, and further members of the reply. Status, code and field stay. */
        readonly on: "sendStatus";
        run(
          request: HookRequest,
          error: ErrorReply,
        ): Awaitable<{ readonly message?: string; readonly fields?: Row } | undefined> | Awaitable<void>;
      }
    | {
        /** Behind the reply, which it neither delays nor changes. */
        readonly on: "cleanup";
        run(request: HookRequest, outcome: Outcome): Awaitable<void>;
      }
  );
