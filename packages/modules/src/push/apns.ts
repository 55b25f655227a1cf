// Apple's push service, by provider tokens (developer.apple.com, "Sending notification requests to APNs").

import type { KeyObject } from "node:crypto";

import { BkError, type Clock, retry } from "@bk/core";

import { invalid } from "../common/failures.js";
import { ApnsConnection } from "./apns-connection.js";
import { type CheckedMessage, forApp, isShown, jsonOf } from "./push-message.js";
import { isWorthAgain, type PushService, replyError, retryAfterOf, unregistered } from "./push-service.js";
import { privateKeyOf, signedToken } from "./signed-token.js";

export interface ApnsOptions {
  /** The key of the developer account, the content of the `.p8` file, and its id of ten characters. */
  readonly key: string;
  readonly keyId: string;
  readonly teamId: string;
  /** The bundle id of the app. Default: the name of the app, as devices have it behind `@`. */
  readonly topic?: string | undefined;
  /** For builds from Xcode. Default false. */
  readonly sandbox?: boolean | undefined;
  /** In place of Apple's servers. */
  readonly url?: string | undefined;
  /** A certificate to trust, in PEM. */
  readonly ca?: string | undefined;
}

const minuteMs = 60_000;
/** Apple takes a token for an hour, and refuses who makes one more often than every 20 minutes. */
const renewAfterMs = 50 * minuteMs;
const youngestMs = 20 * minuteMs;
const mostBytes = 4096;

/** @throws BkError `invalid` naming the option */
export function apns(
  options: ApnsOptions,
  app: string | undefined,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): PushService {
  const { keyId, teamId, topic = app, sandbox = false } = options;
  const key = privateKeyOf(options.key, "ec", "apns.key");
  for (const [name, value] of Object.entries({ keyId, teamId, topic }))
    if (typeof value !== "string" || !/^[\w.-]+$/.test(value)) throw invalid(`apns.${name} is missing`, `apns.${name}`);
  const origin = options.url ?? `https://api.${sandbox ? "sandbox." : ""}push.apple.com`;
  const connection = new ApnsConnection({ origin, ca: options.ca, timeoutMs, pingMs: minuteMs });
  const token = providerToken(key, keyId, teamId, clock);

  async function once(
    device: string,
    headers: Record<string, string | number>,
    body: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const used = token.get();
    const reply = await connection.request(
      { ":method": "POST", ":path": `/3/device/${device}`, authorization: `bearer ${used}`, "apns-topic": topic!, ...headers },
      body,
      signal,
    );
    if (reply.status === 200) return String(reply.headers["apns-id"] ?? "");
    const reason = reasonOf(reply.body);
    if (reply.status === 410) throw unregistered("apns", reason);
    // A clock that was set, or a machine that slept.
    if (reason === "ExpiredProviderToken" && token.renew(used))
      throw new BkError("unavailable", "apns: the provider token has ended", { outcome: "none" });
    throw replyError("apns", reply.status, reason, retryAfterOf(reply.headers["retry-after"], clock.now()));
  }

  return {
    send(device, message, signal) {
      const shown = isShown(message);
      const headers = {
        "apns-push-type": shown || message.badge !== undefined || message.sound !== undefined ? "alert" : "background",
        "apns-priority": shown && message.priority !== "normal" ? 10 : 5,
        ...(message.expires === undefined ? {} : { "apns-expiration": Math.floor(message.expires / 1000) }),
        ...(message.name === undefined ? {} : { "apns-collapse-id": message.name }),
      };
      const body = jsonOf("apns", payloadOf(message), mostBytes);
      return retry(() => once(device, headers, body, signal), {
        attempts: 3,
        minDelayMs: 500,
        maxDelayMs: 5000,
        when: isWorthAgain,
        clock,
        signal,
      });
    },
    reset() {
      connection.reset();
      token.forget();
    },
    close: () => connection.close(),
  };
}

/** One token for everybody, until it is old. */
function providerToken(
  key: KeyObject,
  keyId: string,
  teamId: string,
  clock: Clock,
): { get(): string; renew(used: string): boolean; forget(): void } {
  let made: { readonly text: string; readonly at: number } | undefined;
  return {
    get() {
      const now = clock.now();
      if (made === undefined || now - made.at > renewAfterMs || now < made.at)
        made = { text: signedToken(key, "ES256", { kid: keyId }, { iss: teamId, iat: Math.floor(now / 1000) }), at: now };
      return made.text;
    },
    /** Whether the next request has another one. */
    renew(used) {
      if (made?.text !== used) return true;
      if (clock.now() - made.at < youngestMs) return false;
      made = undefined;
      return true;
    },
    forget() {
      // One that is young is kept: Apple refuses another so soon.
      if (made !== undefined && clock.now() - made.at >= youngestMs) made = undefined;
    },
  };
}

function reasonOf(body: string): string {
  try {
    const { reason } = JSON.parse(body) as { readonly reason?: unknown };
    return typeof reason === "string" ? reason : "";
  } catch {
    // A server between may answer with anything.
    return "";
  }
}

function payloadOf(message: CheckedMessage): object {
  const { title, msg, badge, sound, category, name, locKey, locArgs, titleLocKey, titleLocArgs, alertAction, launchImage } = message;
  const alert = without({
    title,
    body: msg,
    "loc-key": locKey,
    "loc-args": locArgs,
    "title-loc-key": titleLocKey,
    "title-loc-args": titleLocArgs,
    action: alertAction,
    "launch-image": launchImage,
  });
  const shown = isShown(message);
  const aps = without({
    alert: shown ? alert : undefined,
    badge,
    sound: sound === true ? "default" : sound === false ? undefined : sound,
    category,
    "thread-id": name,
    "content-available": message.contentAvailable === true || (!shown && badge === undefined && sound === undefined) ? 1 : undefined,
  });
  return { ...forApp(message), aps };
}

const without = (object: object): object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
