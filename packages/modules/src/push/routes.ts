import { invalid } from "../common/failures.js";
import { endpoint, type Endpoint, nothing, type Schema } from "../contract/endpoint.js";
import type { AccountDevices } from "./account-devices.js";
import { pushServices, type PushServiceName } from "./device.js";
import type { PushMessage } from "./push-message.js";
import { chosenDevices, type Pusher, type Target } from "./pusher.js";

const text = (about: string) => ({ max: 4096, about }) as const;

const message = {
  title: text("what stands above it"),
  msg: text("what it says"),
  badge: { type: "int", min: 0, about: "the number at the app's icon" },
  sound: text("a sound of the app; `default`: the usual one"),
  type: text("for the app: what it is about"),
  category: text("which actions are offered with it"),
  id: text("for the app: which one it is"),
  name: { max: 64, about: "of those with the same name a device shows the last" },
  url: text("where the app goes"),
  ttl: { type: "int", min: 0, about: "how long it is worth sending, in milliseconds" },
  expires: { type: "int", min: 0, about: "the same as a time, in milliseconds since 1970" },
  priority: { values: ["high", "normal"] },
  payload: { type: "json", about: "further members for the app, an object" },
} as const;

/** Accounts and devices that one request names. */
const most = 1000;

const reply: Schema = {
  type: "object",
  properties: {
    results: {
      type: "array",
      items: {
        type: "object",
        required: ["device", "ok", "unregistered"],
        properties: {
          device: { type: "string" },
          ok: { type: "boolean" },
          id: { type: "string" },
          unregistered: { type: "boolean" },
          code: { type: "string" },
          error: { type: "string" },
        },
      },
    },
    ids: { type: "array", items: { type: "string" } },
    duplicates: { type: "integer" },
  },
};

export function pushRoutes(sender: Pusher, devices: AccountDevices, hasQueue: boolean): Endpoint[] {
  return [
    endpoint({
      path: "/system/msg/send",
      summary: "Sends a message to devices, and tells of each what became of it; with `_async` through the queue",
      who: "admin",
      changes: true,
      method: "POST",
      parameters: {
        device_id: { type: "list", max: most, about: "devices, as `[service://]TOKEN[@APP]`" },
        account_id: { type: "list", max: most, about: "accounts whose devices get it" },
        app_id: { max: 200, about: "of an account, the devices of this app alone; where it has none, those that name no app" },
        service_id: { values: pushServices, about: "devices of this service alone" },
        ...message,
        delay: { type: "int", min: 0, about: "how long it waits in the queue, in milliseconds" },
        _key: { max: 200, about: "while a message of this key waits in the queue, it is not added" },
        _async: { type: "bool", default: false, about: "puts it into the queue" },
      },
      reply,
      async answer({ values: { device_id = [], account_id = [], app_id, service_id, delay, _key, _async, ...rest }, signal }) {
        if (_async && !hasQueue) throw invalid("this server has no queue for messages", "_async");
        if (!_async && delay !== undefined) throw invalid("delay is for messages through the queue", "delay");
        if (!_async && _key !== undefined) throw invalid("_key is for messages through the queue", "_key");
        if (device_id.length + account_id.length === 0) throw invalid("device_id or account_id is required", "device_id");
        const choice = { app: app_id, service: service_id as PushServiceName | undefined };
        const owned = account_id.length === 0 ? [] : await devices.of(account_id);
        const targets: Target[] = [
          ...device_id.map((device) => ({ device })),
          ...owned.flatMap(({ account, devices: ids }) => chosenDevices(ids, choice).map((device) => ({ device, account }))),
        ];
        const { ttl: ttlMs, payload, priority, ...texts } = rest;
        const sent: PushMessage = {
          ...texts,
          ttlMs,
          payload: payload as PushMessage["payload"],
          priority: priority as PushMessage["priority"],
        };
        if (_async) return sender.submit(targets, sent, { key: _key, delayMs: delay, signal });
        const results = await sender.send(targets, sent, { signal });
        return {
          results: results.map(({ device, ok, id, error, unregistered }) => ({
            device,
            ok,
            unregistered,
            ...(id === undefined ? {} : { id }),
            ...(error === undefined ? {} : { code: error.code, error: error.message }),
          })),
        };
      },
    }),
    endpoint({
      path: "/system/msg/init",
      summary: "Connects to push services anew, and asks for their tokens again",
      who: "admin",
      changes: true,
      method: "POST",
      reply: nothing,
      answer() {
        sender.reset();
        return Promise.resolve({});
      },
    }),
  ];
}
