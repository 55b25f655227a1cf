// What is sent to devices, and how it is checked.

import { BkError } from "@bk/core";

import { invalid } from "../common/failures.js";

export interface PushMessage {
  readonly title?: string | undefined;
  /** What it says. Without `title`, `msg` and a key of a phrase it is shown to nobody: the app gets it in the background. */
  readonly msg?: string | undefined;
  /** The number at the app's icon; 0 takes it away. */
  readonly badge?: number | undefined;
  /** A sound of the app; true: the usual one. */
  readonly sound?: string | boolean | undefined;
  /** For the app: what it is about. */
  readonly type?: string | undefined;
  /** Which actions are offered with it. */
  readonly category?: string | undefined;
  /** For the app: which one it is. */
  readonly id?: string | undefined;
  /** Of those with the same name a device shows the last; up to 64 bytes. */
  readonly name?: string | undefined;
  /** Where the app goes. */
  readonly url?: string | undefined;
  /** How long it is worth sending, in milliseconds; default: as long as the service keeps it. 0: now or never. */
  readonly ttlMs?: number | undefined;
  /** The same as a time, in milliseconds since 1970. 0: now or never. */
  readonly expires?: number | undefined;
  /** `normal` may wait until the device wakes. Default `high`, of background ones `normal`. */
  readonly priority?: "high" | "normal" | undefined;
  /** Further members for the app. */
  readonly payload?: Readonly<Record<string, unknown>> | undefined;
  /** A phrase of the app in place of `title`, and what is filled in. APNs and FCM. */
  readonly titleLocKey?: string | undefined;
  readonly titleLocArgs?: readonly string[] | undefined;
  /** The same in place of `msg`. */
  readonly locKey?: string | undefined;
  readonly locArgs?: readonly string[] | undefined;
  /** APNs: the phrase on the button, the image at the start, and whether the app is woken. */
  readonly alertAction?: string | undefined;
  readonly launchImage?: string | undefined;
  readonly contentAvailable?: boolean | undefined;
  /** FCM: an icon, its color as `#rrggbb`, what a touch starts, and times of buzzing and of rest in milliseconds. Web: icon, tag and vibrate. */
  readonly icon?: string | undefined;
  readonly color?: string | undefined;
  readonly tag?: string | undefined;
  readonly clickAction?: string | undefined;
  readonly vibrate?: readonly number[] | undefined;
}

/** A message that was checked; when it ends is a time. */
export type CheckedMessage = Omit<PushMessage, "ttlMs">;

type Kind = "text" | "texts" | "flag" | "badge" | "sound" | "time" | "priority" | "object" | "times";

const kinds: Readonly<Record<keyof PushMessage, Kind>> = {
  title: "text",
  msg: "text",
  badge: "badge",
  sound: "sound",
  type: "text",
  category: "text",
  id: "text",
  name: "text",
  url: "text",
  ttlMs: "time",
  expires: "time",
  priority: "priority",
  payload: "object",
  titleLocKey: "text",
  titleLocArgs: "texts",
  locKey: "text",
  locArgs: "texts",
  alertAction: "text",
  launchImage: "text",
  contentAvailable: "flag",
  icon: "text",
  color: "text",
  tag: "text",
  clickAction: "text",
  vibrate: "times",
};

const isText = (value: unknown): boolean => typeof value === "string" && value.length <= 4096;
const isNatural = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isList = (value: unknown, holds: (each: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length <= 20 && value.every((each) => holds(each));

const checks: Readonly<Record<Kind, { readonly mustBe: string; readonly holds: (value: unknown) => boolean }>> = {
  text: { mustBe: "a text of at most 4,096 characters", holds: isText },
  texts: { mustBe: "a list of at most 20 texts", holds: (value) => isList(value, isText) },
  times: { mustBe: "a list of at most 20 numbers of milliseconds", holds: (value) => isList(value, isNatural) },
  flag: { mustBe: "true or false", holds: (value) => typeof value === "boolean" },
  badge: { mustBe: "an integer from 0", holds: (value) => isNatural(value) && (value as number) < 2 ** 31 },
  sound: { mustBe: "a text, or true or false", holds: (value) => typeof value === "boolean" || isText(value) },
  time: { mustBe: "an integer from 0, in milliseconds", holds: isNatural },
  priority: { mustBe: "high or normal", holds: (value) => value === "high" || value === "normal" },
  object: { mustBe: "an object", holds: (value) => typeof value === "object" && value !== null && !Array.isArray(value) },
};

/** Members of a payload that the services keep for themselves. */
const reserved = /^(aps|from|message_type|google\..*|gcm\..*|collapse_key)$/;

/**
 * Checks a message. What it gives is what JSON can hold, and checking it again gives the same.
 *
 * @throws BkError `invalid` naming the field
 */
export function checkMessage(message: PushMessage, now: number): CheckedMessage {
  if (typeof message !== "object" || message === null) throw invalid("a message is an object with msg", "msg");
  const given = Object.entries(message).filter(([, value]) => value !== undefined);
  if (given.length === 0) throw invalid("msg is required, or something else to send", "msg");
  for (const [name, value] of given) {
    if (!Object.hasOwn(kinds, name)) throw invalid(`a message has no field ${name.slice(0, 60)}`, name.slice(0, 60));
    const { mustBe, holds } = checks[kinds[name as keyof PushMessage]];
    if (!holds(value)) throw invalid(`${name} must be ${mustBe}`, name);
  }
  if (message.name !== undefined && (Buffer.byteLength(message.name) > 64 || !/^[\x20-\x7e]+$/.test(message.name)))
    throw invalid("name must have 1 to 64 printable characters of ASCII", "name");
  if (message.color !== undefined && !/^#[0-9a-f]{6}$/i.test(message.color)) throw invalid("color must be #rrggbb", "color");
  const taken = Object.keys(message.payload ?? {}).find((name) => reserved.test(name));
  if (taken !== undefined) throw invalid(`payload must not have ${taken.slice(0, 60)}, which is the service's`, "payload");
  if (message.ttlMs !== undefined && message.expires !== undefined) throw invalid("give one of ttlMs and expires", "expires");
  const { ttlMs, ...rest } = JSON.parse(JSON.stringify(Object.fromEntries(given))) as PushMessage;
  return ttlMs === undefined ? rest : { ...rest, expires: ttlMs === 0 ? 0 : now + ttlMs };
}

/** Whether a person sees it. */
export const isShown = ({ title, msg, locKey, titleLocKey }: CheckedMessage): boolean =>
  (title ?? msg ?? locKey ?? titleLocKey) !== undefined;

/** What the app gets beside what is shown. */
export const forApp = ({ type, id, url, payload }: CheckedMessage): Record<string, unknown> => ({
  ...payload,
  ...(type === undefined ? {} : { type }),
  ...(id === undefined ? {} : { id }),
  ...(url === undefined ? {} : { url }),
});

/** @throws BkError `too-large` */
export function jsonOf(service: string, value: object, most: number): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > most)
    throw new BkError("too-large", `${service}: the message has more than ${most} bytes`, { detail: { field: "msg" } });
  return text;
}
