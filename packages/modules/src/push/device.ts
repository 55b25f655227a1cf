// Ids of devices: `[service://]TOKEN[@APP]`.

import { invalid } from "../common/failures.js";

export const pushServices = ["apns", "fcm", "webpush"] as const;
export type PushServiceName = (typeof pushServices)[number];

export interface PushDevice {
  /** As it was given. */
  readonly id: string;
  readonly service: PushServiceName;
  readonly token: string;
  /** Undefined: the default app. */
  readonly app: string | undefined;
}

/** What older clients call them. */
const otherNames: Readonly<Record<string, PushServiceName>> = { apn: "apns", gcm: "fcm", android: "fcm", ios: "apns", web: "webpush" };
const form = /^(?:([a-z]+):\/\/)?([\w:.+/=-]+)(?:@([\w.-]{1,200}))?$/;
const longest = 4000;

/**
 * Reads the id of a device. Without a service, a token of hexadecimal digits is of APNs, others are of FCM.
 *
 * @throws BkError `invalid` for what is none; `detail.field` is `device_id`
 */
export function parseDevice(id: string): PushDevice {
  const [, scheme, token, app] = (typeof id === "string" && id.length <= longest ? form.exec(id.trim()) : null) ?? [];
  if (token === undefined || token.includes("://")) throw invalid("device_id is no id of a device, such as apns://TOKEN@APP", "device_id");
  if (token.startsWith("arn:")) throw invalid("device_id is of Amazon SNS, which is not sent to", "device_id");
  const isKnown = scheme === undefined || (pushServices as readonly string[]).includes(scheme) || Object.hasOwn(otherNames, scheme);
  if (!isKnown) throw invalid(`device_id names none of the services ${pushServices.join(", ")}`, "device_id");
  const service = scheme === undefined ? (isHex(token) ? "apns" : "fcm") : (otherNames[scheme] ?? (scheme as PushServiceName));
  // It becomes a part of a path.
  if (service === "apns" && !isHex(token)) throw invalid("device_id is no token of APNs", "device_id");
  return { id: id.trim(), service, token, app };
}

/** The devices of a list between commas or bars, or of a list. */
export function splitDevices(ids: string | readonly string[]): string[] {
  const parts = (typeof ids === "string" ? [ids] : ids).flatMap((each) => each.split(/[,|]/));
  return [...new Set(parts.map((each) => each.trim()).filter((each) => each !== ""))];
}

const isHex = (token: string): boolean => /^[0-9a-f]{32,400}$/i.test(token);

/** What a browser gives for its push service, as `JSON.stringify` of a PushSubscription has it. */
export interface WebSubscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

/** The id of a browser as a device. */
export function webDevice({ endpoint, keys: { p256dh, auth } }: WebSubscription, app?: string): string {
  return `webpush://${p256dh}.${auth}.${Buffer.from(endpoint).toString("base64url")}${app === undefined ? "" : `@${app}`}`;
}

/** The subscription in a token; undefined where there is none. */
export function subscriptionOf(token: string): WebSubscription | undefined {
  const [, p256dh, auth, endpoint] = /^([\w-]{80,100})=*\.([\w-]{16,40})=*\.([\w-]+)$/.exec(token) ?? [];
  if (p256dh === undefined || auth === undefined || endpoint === undefined) return undefined;
  return { endpoint: Buffer.from(endpoint, "base64url").toString(), keys: { p256dh, auth } };
}
