// Web Push (RFC 8030, 8291, 8292). The package web-push encrypts and signs; requests are made here.

import { createHash } from "node:crypto";

import { BkError, type Clock, retry } from "@bk/core";

import { invalid } from "../common/failures.js";
import { missingPackage } from "../common/missing-package.js";
import { turnsOf } from "../common/turns.js";
import { subscriptionOf } from "./device.js";
import { ask } from "./http-request.js";
import { type CheckedMessage, forApp, jsonOf } from "./push-message.js";
import { isWorthAgain, type PushService, replyError, unregistered } from "./push-service.js";

export interface WebPushOptions {
  /** Whom push services write to when something is wrong: `mailto:…` or `https://…`. */
  readonly subject: string;
  /** The keys of VAPID, in base64url, as `npx web-push generate-vapid-keys` makes them. Browsers subscribe with the public one. */
  readonly publicKey: string;
  readonly privateKey: string;
  /**
   * Servers that are sent to, over TLS; `*.` at the beginning stands for any name below. One with a scheme, such as `http://127.0.0.1:8080`, is an origin. Clients say where their push service is: without a list they could have
   * requests sent into the server's own network. Default: those of Chrome, Edge, Firefox and Safari.
   */
  readonly hosts?: readonly string[] | undefined;
}

export const usualHosts: readonly string[] = [
  "fcm.googleapis.com",
  "*.push.services.mozilla.com",
  "*.notify.windows.com",
  "*.push.apple.com",
];

/** What is used of the package. */
interface Encrypt {
  generateRequestDetails(
    subscription: object,
    payload: string,
    options: object,
  ): { readonly method: string; readonly headers: object; readonly body: unknown; readonly endpoint: string };
}

/** RFC 8030, 7.2: a service takes 4,096 bytes with what encryption adds. */
const mostBytes = 3900;
const fourWeeksMs = 28 * 86_400_000;
const mostRunning = 50;
const mostWaiting = 100_000;

/** @throws BkError `invalid` naming the option; `driver-missing` without the package web-push */
export async function webPush(
  options: WebPushOptions,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<PushService> {
  const { subject, publicKey, privateKey, hosts = usualHosts } = options;
  const library = await load();
  const vapidDetails = { subject, publicKey, privateKey };
  const turns = turnsOf(mostRunning, mostWaiting, "webpush: too many messages wait; use a queue, or try again later");
  const isAllowed = hostTest(hosts);
  // So that wrong keys are told of at the start.
  details(library, { endpoint: "https://example.com", keys: someKeys }, "", { vapidDetails });

  return {
    async send(token, message, signal) {
      const subscription = subscriptionOf(token);
      if (subscription === undefined) throw invalid("device_id is no subscription of a browser", "device_id");
      if (!isAllowed(subscription.endpoint))
        throw new BkError("denied", "webpush: the push service of the device is none of those that are sent to");
      const { headers, method, body } = details(library, subscription, jsonOf("webpush", payloadOf(message), mostBytes), {
        vapidDetails,
        TTL: Math.ceil((message.expires === undefined ? fourWeeksMs : Math.max(0, message.expires - clock.now())) / 1000),
        urgency: message.priority ?? "high",
        contentEncoding: "aes128gcm",
        ...(message.name === undefined ? {} : { topic: topicOf(message.name) }),
      });
      const once = async (): Promise<string> => {
        const request = { method, headers: headers as Record<string, string>, body: body as Uint8Array<ArrayBuffer> };
        const reply = await ask("webpush", subscription.endpoint, request, { timeoutMs, signal, clock });
        if (reply.status >= 200 && reply.status < 300) return reply.headers.get("location") ?? "";
        if (reply.status === 404 || reply.status === 410) throw unregistered("webpush", String(reply.status));
        throw replyError("webpush", reply.status, "", reply.retryAfterMs);
      };
      return turns(() => retry(once, { attempts: 3, minDelayMs: 500, maxDelayMs: 5000, when: isWorthAgain, clock, signal }), signal);
    },
    reset: () => undefined,
    close: () => Promise.resolve(),
  };
}

/** A key of the curve and a secret that are nobody's. */
const someKeys = {
  p256dh: "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
  auth: Buffer.alloc(16).toString("base64url"),
};

function details(library: Encrypt, subscription: object, payload: string, options: object): ReturnType<Encrypt["generateRequestDetails"]> {
  try {
    return library.generateRequestDetails(subscription, payload, options);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const isOurs = /vapid|subject|topic|private|public key should/i.test(message) && !/subscription/i.test(message);
    throw invalid(
      isOurs ? "webPush has keys or a subject that are none" : "device_id is no subscription of a browser",
      isOurs ? "webPush" : "device_id",
    );
  }
}

async function load(): Promise<Encrypt> {
  try {
    return (await import("web-push")).default as unknown as Encrypt;
  } catch (error) {
    throw missingPackage(error, "web-push", "Web Push");
  }
}

function hostTest(hosts: readonly string[]): (endpoint: string) => boolean {
  return (endpoint) => {
    if (!URL.canParse(endpoint)) return false;
    const { protocol, origin, hostname, host, username, password } = new URL(endpoint);
    if (username !== "" || password !== "") return false;
    const isNamed = (each: string): boolean => (each.startsWith("*.") ? hostname.endsWith(each.slice(1)) : each === host);
    return hosts.some((each) => (each.includes("://") ? each === origin : protocol === "https:" && isNamed(each)));
  };
}

/** Of the characters of base64url, 32 at most (RFC 8030, 5.4). */
const topicOf = (name: string): string =>
  /^[\w-]{1,32}$/.test(name) ? name : createHash("sha256").update(name).digest("base64url").slice(0, 32);

/** What the service worker of the page gets. */
function payloadOf(message: CheckedMessage): object {
  const { title, msg, badge, icon, tag, name, vibrate, category, sound } = message;
  const silent = sound === false ? true : undefined;
  return { title, body: msg, badge, icon, tag: tag ?? name, vibrate, category, silent, ...forApp(message) };
}
