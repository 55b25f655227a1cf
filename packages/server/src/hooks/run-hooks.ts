// Runs hooks: each with an end, and so that what fails is told in the log.

import { BkError, type Log } from "@bk/core";
import type { Caller, ErrorReply, Hook, HookRequest, HookVerdict, Outcome, Row, Verdict } from "@bk/modules";

import type { ChangeRows } from "../data/reply-rows.js";
import { forbidden, HttpError } from "../error-response.js";
import { faultFields } from "../fault-fields.js";
import { inTime } from "../in-time.js";
import { moduleCaller } from "../modules/caller.js";
import type { HookFor, HookMap } from "./hook-map.js";
import { cleaner, type IsPrivate } from "./private-names.js";

export interface Hooks extends HookMap {
  /** What the first hook decides that decides something. @throws what it throws */
  accessCheck(hooks: readonly HookFor<"accessCheck">[], request: HookRequest): Promise<HookVerdict | undefined>;
  /** What takes the place of the verdict, if something does. @throws what a hook throws */
  preProcess(hooks: readonly HookFor<"preProcess">[], request: HookRequest, verdict: Verdict): Promise<HookVerdict | undefined>;
  /**
   * Lets hooks decide of a request within another one, such as an item of a batch, for the caller of that.
   *
   * @throws HttpError what they refuse it with
   */
  checkWithin(request: HookRequest, caller: Caller, source: string): Promise<void>;
  /** What hooks do with the rows of a reply; undefined where they do nothing. */
  changeRows(request: HookRequest, caller: Caller, isPrivate: () => IsPrivate): ChangeRows | undefined;
  /** The error as it is replied. Never throws. */
  sendStatus(hooks: readonly HookFor<"sendStatus">[], request: HookRequest, error: ErrorReply): Promise<object>;
  /** Runs what comes behind a reply. @param sent  resolves when it has been sent */
  cleanup(hooks: readonly HookFor<"cleanup">[], request: HookRequest, outcome: Outcome, sent: Promise<void>): void;
  /** Resolves when nothing runs behind replies any more. */
  idle(): Promise<void>;
}

export function runHooks(map: HookMap, timeoutMs: number, log: Log): Hooks {
  const behind = new Set<Promise<void>>();

  /** Runs one hook. What it fails with is logged, and thrown as what the client may hear. */
  async function run<T>(hook: Hook, { id, path }: HookRequest, given: () => T | Promise<T>): Promise<T> {
    try {
      const result = given();
      return isPromise(result) ? await inTime(result, timeoutMs, late) : result;
    } catch (error) {
      const isRefusal = error instanceof BkError && error.code !== "internal" && error.code !== "timeout";
      log[isRefusal ? "info" : "error"](`hook ${hook.on} of ${path} failed`, { id, ...faultFields(error) });
      throw error;
    }
  }

  const decided = async (hook: Hook, request: HookRequest, given: () => unknown): Promise<HookVerdict | undefined> => {
    const verdict = (await run(hook, request, given)) as HookVerdict | undefined;
    if (verdict === undefined || isVerdict(verdict)) return verdict;
    log.error(`hook ${hook.on} of ${request.path} gave a verdict that is none`, { id: request.id });
    throw new BkError("internal", `hook ${hook.on}: a verdict is a status of 200, 400 to 599, or 301, 302, 303, 307, 308 with a location`);
  };

  const hooks: Hooks = {
    ...map,

    async accessCheck(found, request) {
      for (const hook of found) {
        const verdict = await decided(hook, request, () => hook.run(request));
        if (verdict !== undefined) return verdict;
      }
      return undefined;
    },

    async preProcess(found, request, verdict) {
      let [now, replaced] = [verdict, undefined as HookVerdict | undefined];
      for (const hook of found) {
        const other = await decided(hook, request, () => hook.run(request, now));
        if (other === undefined) continue;
        replaced = other;
        now = asVerdict(other, verdict);
      }
      return replaced;
    },

    async checkWithin(request, caller, source) {
      const { method, path } = request;
      const access = map.find("accessCheck", method, path);
      const open = access === undefined ? undefined : await hooks.accessCheck(access, request);
      if (open !== undefined && open.status !== 200) throw refusalOf(open);
      const before = map.find("preProcess", method, path);
      const replaced = before === undefined ? undefined : await hooks.preProcess(before, request, { ok: true, caller, source });
      if (replaced !== undefined && replaced.status !== 200) throw refusalOf(replaced);
    },

    changeRows(request, caller, isPrivate) {
      const found = map.find("postProcess", request.method, request.path);
      if (found === undefined) return undefined;
      return async (rows) => {
        if (rows.length === 0) return;
        const clean = cleaner(rows, isPrivate());
        const own = [...rows] as Row[];
        for (const hook of found)
          await run(hook, request, () => hook.run(request, own, caller)).catch((error: unknown) => {
            throw behindTheWork(error);
          });
        const taken = clean();
        if (taken.size > 0)
          log.warn(`a hook postProcess of ${request.path} put in what the caller may not see; it is taken out`, {
            id: request.id,
            columns: [...taken].join(", "),
          });
      };
    },

    async sendStatus(found, request, error) {
      let body: ErrorReply & Row = { ...error };
      for (const hook of found) {
        try {
          const { message = body.message, fields = {} } = (await run(hook, request, () => hook.run(request, { ...body }))) ?? {};
          // What programs rely on stays.
          body = { ...fields, ...body, message: String(message) };
        } catch {
          // It is logged; the client still hears what went wrong before.
        }
      }
      return body;
    },

    cleanup(found, request, outcome, sent) {
      const work = sent.then(async () => {
        for (const hook of found)
          // Logged there.
          await run(hook, request, () => hook.run(request, outcome)).catch(() => undefined);
        behind.delete(work);
      });
      behind.add(work);
    },

    async idle() {
      await Promise.all(behind);
    },
  };
  return hooks;
}

const late = (): Error => new HttpError("timeout", "a hook of the server did not end in time");

function isPromise<T>(result: T | PromiseLike<T>): result is PromiseLike<T> {
  return typeof (result as { readonly then?: unknown } | null | undefined)?.then === "function";
}

/** The same error, of a hook that ran when the work was done: the signature of the request stays used. */
function behindTheWork(error: unknown): unknown {
  if (!(error instanceof BkError) || error.outcome !== "none" || error instanceof HttpError) return error;
  const { code, message, detail } = error;
  return new BkError(code, message, { outcome: "unknown", cause: error, ...(detail === undefined ? {} : { detail }) });
}

function isVerdict({ status, location }: HookVerdict): boolean {
  if (location !== undefined) return [301, 302, 303, 307, 308].includes(status) && typeof location === "string";
  return Number.isInteger(status) && (status === 200 || (status >= 400 && status <= 599));
}

const { message: refusedMessage, code: refusedCode } = forbidden("this request is refused");

/** What the client is told of a verdict that refuses. */
export function refusedBody({ status, message = refusedMessage, code = refusedCode }: HookVerdict): ErrorReply {
  return { status, message, code };
}

function refusalOf(verdict: HookVerdict): HttpError {
  // There is no page to send somebody to in the middle of a request.
  const { status, message, code } = refusedBody(verdict.location === undefined ? verdict : { ...verdict, status: 403 });
  return new HttpError("denied", message, { status, code });
}

/** @param found  what stood before hooks: who was let in stays */
function asVerdict(given: HookVerdict, found: Verdict): Verdict {
  if (given.status !== 200) return { ok: false, ...refusedBody(given) };
  return found.ok ? found : { ok: true, caller: moduleCaller(undefined), source: "none" };
}
