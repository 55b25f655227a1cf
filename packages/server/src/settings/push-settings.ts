// Settings of messages to phones and browsers: one app, by the services that its devices have. Apps with several give them to `push` in code.

import { defineConfig, integer, string } from "@bk/core";
import type { PushApp } from "@bk/modules/push";

import type { Config } from "../config/config.js";
import { invalidSetting } from "../config/errors.js";
import { bool } from "../config/value-types.js";

const group = "Push";
const word = string("a word of letters, digits, -, _ and .", (text) => /^[\w.-]{1,200}$/.test(text));

export const pushSettings = defineConfig({
  "push-app": {
    value: "name",
    type: word,
    default: "app",
    aliases: ["msg-app-default"],
    help: "the name of the app whose devices get messages, as these have it behind @",
    group,
  },
  "push-apns-key": {
    value: "text",
    type: string(),
    secret: true,
    help: "the key of Apple's developer account, the content of the .p8 file; best given as push-apns-key@file; needs push-apns-key-id and push-apns-team",
    group,
  },
  "push-apns-key-id": { value: "id", type: word, help: "the id of that key", group },
  "push-apns-team": { value: "id", type: word, aliases: ["msg-app-team"], help: "the id of the team that it is of", group },
  "push-apns-topic": { value: "name", type: word, help: "the bundle id of the app; default: push-app", group },
  "push-apns-sandbox": {
    value: "flag",
    type: bool,
    default: false,
    aliases: ["msg-apn-sandbox"],
    help: "for builds from Xcode",
    group,
  },
  "push-fcm-account": {
    value: "json",
    type: string(),
    secret: true,
    help: "the service account of Firebase, the content of its file; best given as push-fcm-account@file",
    group,
  },
  "push-fcm-url": {
    value: "url",
    type: string("http: or https:", (text) => /^https?:\/\/./.test(text)),
    help: "in place of https://fcm.googleapis.com, for tests",
    group,
  },
  "push-web-subject": {
    value: "url",
    type: string("mailto: or https:", (text) => /^(mailto:|https:\/\/)./.test(text)),
    help: "whom push services of browsers may write to; needs push-web-public-key and push-web-private-key, and the package web-push",
    group,
  },
  "push-web-public-key": { value: "text", type: string(), help: "the key that browsers subscribe with", group },
  "push-web-private-key": { value: "text", type: string(), secret: true, help: "the one that signs", group },
  "push-rate": {
    value: "number",
    type: integer({ min: 1, max: 1_000_000 }),
    help: "most messages through the queue in a second to each service, of all processes that share a cache; default: no limit",
    group,
  },
});

type Settings = Pick<Config<typeof pushSettings>, "get">;

/** The services that are given; undefined: none. @throws SettingsError naming one that is missing beside others */
export function pushAppOf(config: Settings): PushApp | undefined {
  const [key, keyId, teamId] = together(config, "push-apns-key", "push-apns-key-id", "push-apns-team");
  const [subject, publicKey, privateKey] = together(config, "push-web-subject", "push-web-public-key", "push-web-private-key");
  const account = config.get("push-fcm-account");
  const topic = config.get("push-apns-topic");
  if (key === undefined && account === undefined && subject === undefined) return undefined;
  return {
    ...(key === undefined ? {} : { apns: { key, keyId: keyId!, teamId: teamId!, topic, sandbox: config.get("push-apns-sandbox") } }),
    ...(account === undefined ? {} : { fcm: { account, url: config.get("push-fcm-url") } }),
    ...(subject === undefined ? {} : { webPush: { subject, publicKey: publicKey!, privateKey: privateKey! } }),
  };
}

function together(config: Settings, ...names: readonly (keyof typeof pushSettings)[]): (string | undefined)[] {
  const values = names.map((name) => config.get(name) as string | undefined);
  const missing = names.find((_name, i) => values[i] === undefined);
  const given = names.find((_name, i) => values[i] !== undefined);
  if (missing !== undefined && given !== undefined) throw invalidSetting(missing, `${given} needs ${missing}`);
  return values;
}
