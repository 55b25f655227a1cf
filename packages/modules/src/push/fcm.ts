// Firebase Cloud Messaging, HTTP v1, by a service account (firebase.google.com, "Send a message using FCM HTTP v1 API").

import { BkError, type Clock, retry } from "@bk/core";

import { invalid } from "../common/failures.js";
import { turnsOf } from "../common/turns.js";
import { ask, type HttpReply } from "./http-request.js";
import { type CheckedMessage, forApp, isShown, jsonOf } from "./push-message.js";
import { isWorthAgain, type PushService, replyError, unregistered } from "./push-service.js";
import { privateKeyOf, signedToken } from "./signed-token.js";

/** Of the file that the console gives for a service account. */
export interface ServiceAccount {
  readonly project_id: string;
  readonly client_email: string;
  readonly private_key: string;
  readonly private_key_id?: string | undefined;
  /** Default Google's. */
  readonly token_uri?: string | undefined;
}

export interface FcmOptions {
  /** The file's content, as a text or read. */
  readonly account: string | ServiceAccount;
  /** In place of `https://fcm.googleapis.com`. */
  readonly url?: string | undefined;
}

const scope = "https://www.googleapis.com/auth/firebase.messaging";
const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const mostBytes = 4096;
/** Requests at a time. */
const mostRunning = 50;
const mostWaiting = 100_000;
/** A token is renewed so long before it ends. */
const earlyMs = 60_000;
/** What Google asks for where a reply of 429 does not say it. */
const quotaMs = 60_000;

/** @throws BkError `invalid` naming the option */
export function fcm(options: FcmOptions, { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }): PushService {
  const account = accountOf(options.account);
  const key = privateKeyOf(account.private_key, "rsa", "fcm.account");
  const url = `${options.url ?? "https://fcm.googleapis.com"}/v1/projects/${encodeURIComponent(account.project_id)}/messages:send`;
  const tokenUrl = account.token_uri ?? "https://oauth2.googleapis.com/token";
  const turns = turnsOf(mostRunning, mostWaiting, "fcm: too many messages wait; use a queue, or try again later");
  const post = (to: string, headers: Record<string, string>, body: string, signal: AbortSignal | undefined): Promise<HttpReply> =>
    ask("fcm", to, { method: "POST", headers, body }, { timeoutMs, signal, clock });

  let held: { readonly text: Promise<string>; ends: number } | undefined;

  /** One token for everybody, asked for once however many need it. */
  function token(): Promise<string> {
    if (held !== undefined && clock.now() < held.ends) return held.text;
    const mine: { text: Promise<string>; ends: number } = { text: fetchToken(), ends: Infinity };
    held = mine;
    // Whoever waits is told.
    mine.text.catch(() => forget(mine.text));
    return mine.text;

    async function fetchToken(): Promise<string> {
      const now = Math.floor(clock.now() / 1000);
      const claims = { iss: account.client_email, scope, aud: tokenUrl, iat: now, exp: now + 3600 };
      const header = account.private_key_id === undefined ? {} : { kid: account.private_key_id };
      const body = new URLSearchParams({ grant_type: grant, assertion: signedToken(key, "RS256", header, claims) });
      const reply = await post(tokenUrl, { "content-type": "application/x-www-form-urlencoded" }, body.toString(), undefined);
      const {
        access_token: text,
        expires_in: seconds = 3600,
        error,
      } = reply.json as { access_token?: string; expires_in?: number; error?: unknown };
      if (reply.status !== 200 || typeof text !== "string" || text === "") {
        const failed = replyError(
          "fcm: the token of the service account",
          reply.status,
          typeof error === "string" ? error : "",
          reply.retryAfterMs,
        );
        throw reply.status < 500 && reply.status !== 429
          ? new BkError("unauthenticated", failed.message, { outcome: "none", detail: failed.detail })
          : failed;
      }
      mine.ends = clock.now() + seconds * 1000 - earlyMs;
      return text;
    }
  }

  const forget = (text: Promise<string>): void => {
    if (held?.text === text) held = undefined;
  };

  async function once(body: string, signal: AbortSignal | undefined, renewed = false): Promise<string> {
    const used = token();
    const headers = { "content-type": "application/json", authorization: `Bearer ${await used}` };
    const reply = await post(url, headers, body, signal);
    if (reply.status === 200) return String((reply.json as { readonly name?: unknown }).name ?? "");
    const { status, details } = ((reply.json as { error?: unknown }).error ?? {}) as {
      status?: string;
      details?: readonly { errorCode?: string }[];
    };
    const reason =
      (Array.isArray(details) ? details.find(({ errorCode }) => typeof errorCode === "string")?.errorCode : undefined) ??
      String(status ?? "");
    if (reason === "UNREGISTERED") throw unregistered("fcm", reason);
    if (reply.status === 401 && !renewed) {
      forget(used);
      return once(body, signal, true);
    }
    throw replyError("fcm", reply.status, reason, reply.retryAfterMs ?? (reply.status === 429 ? quotaMs : undefined));
  }

  return {
    send(device, message, signal) {
      const body = JSON.stringify({ message: { ...bodyOf(message, clock.now()), token: device } });
      return turns(
        () => retry(() => once(body, signal), { attempts: 3, minDelayMs: 1000, maxDelayMs: 5000, when: isWorthAgain, clock, signal }),
        signal,
      );
    },
    reset: () => void (held = undefined),
    close: () => Promise.resolve(),
  };
}

function accountOf(given: string | ServiceAccount): ServiceAccount {
  let account: Partial<ServiceAccount>;
  try {
    account = (typeof given === "string" ? JSON.parse(given) : given) as Partial<ServiceAccount>;
  } catch {
    throw invalid("fcm.account is no JSON of a service account", "fcm.account");
  }
  for (const name of ["project_id", "client_email", "private_key"] as const)
    if (typeof account?.[name] !== "string" || account[name] === "") throw invalid(`fcm.account has no ${name}`, "fcm.account");
  return account as ServiceAccount;
}

function bodyOf(message: CheckedMessage, now: number): object {
  const {
    title,
    msg,
    badge,
    sound,
    category,
    name,
    locKey,
    locArgs,
    titleLocKey,
    titleLocArgs,
    icon,
    color,
    tag,
    clickAction,
    vibrate,
    expires,
  } = message;
  const shown = isShown(message);
  const seconds = (ms: number): string => `${ms / 1000}s`;
  const notification = {
    icon,
    color,
    tag: tag ?? name,
    sound: sound === true ? "default" : sound === false ? undefined : sound,
    click_action: clickAction ?? category,
    body_loc_key: locKey,
    body_loc_args: locArgs,
    title_loc_key: titleLocKey,
    title_loc_args: titleLocArgs,
    notification_count: badge,
    vibrate_timings: vibrate?.map(seconds),
  };
  // The app gets texts alone.
  const data = Object.fromEntries(
    Object.entries({ ...forApp(message), ...(badge === undefined || shown ? {} : { badge }) }).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const body = {
    ...(shown && (title ?? msg) !== undefined ? { notification: { title, body: msg } } : {}),
    ...(Object.keys(data).length === 0 ? {} : { data }),
    android: {
      priority: (message.priority ?? (shown ? "high" : "normal")) === "high" ? "HIGH" : "NORMAL",
      ...(expires === undefined ? {} : { ttl: seconds(Math.max(0, Math.ceil((expires - now) / 1000) * 1000)) }),
      ...(name === undefined ? {} : { collapse_key: name }),
      ...(shown ? { notification } : {}),
    },
  };
  jsonOf("fcm", body, mostBytes);
  return body;
}
