// `msg-apn-authkey-TEAM-KEYID` of backendjs: one setting was the key of Apple's push service, its id and its team.

import { readFileSync } from "node:fs";

import type { Given } from "../config/config-text.js";
import { invalidSetting } from "../config/errors.js";

const form = /^msg-apn-authkey-([a-z0-9]+)-([a-z0-9]+)$/i;

/** As guides write it. */
export const oldPushKey = "msg-apn-authkey-X-N";
export const isOldPushKey = (name: string): boolean => form.test(name);

/**
 * Our settings of it.
 *
 * @throws SettingsError for a file that cannot be read, and what is no key
 */
export function pushKeySettings({ name, text, ...rest }: Given): readonly Given[] {
  // Apple's ids are in capitals, which names of variables do not keep.
  const [team, id] = form
    .exec(name)!
    .slice(1)
    .map((part) => part.toUpperCase());
  const ours = {
    "push-apns-team": team,
    "push-apns-key-id": id,
    "push-apns-key": text === undefined ? text : keyOf(text, name, rest.where),
  };
  return Object.entries(ours).map(([own, value]) => ({ ...rest, name: own, text: text === undefined ? undefined : value }));
}

/** The content of a `.p8` file: as it is, in base64, or in a file. */
function keyOf(text: string, name: string, where: string): string {
  if (isKey(text)) return text;
  if (text.endsWith(".p8")) {
    try {
      return readFileSync(text, "utf8");
    } catch (cause) {
      throw invalidSetting(name, `${where}: ${name}: cannot read ${text} (${(cause as NodeJS.ErrnoException).code})`, cause);
    }
  }
  const decoded = Buffer.from(text, "base64").toString();
  if (!isKey(decoded))
    throw invalidSetting(name, `${where}: ${name} must be a .p8 file, or its content in base64; it is push-apns-key now`);
  return decoded;
}

const isKey = (text: string): boolean => text.includes("PRIVATE KEY-----");
