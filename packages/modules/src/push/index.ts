// @bk/modules/push: messages to phones and browsers, at once or through a queue.

export { type ApnsOptions } from "./apns.js";
export {
  chosenDevices,
  type Pusher,
  pusher,
  type PusherOptions,
  type PushApp,
  type PushCache,
  pushJob,
  type PushResult,
  type SubmitPushOptions,
  type Target,
} from "./pusher.js";
export { parseDevice, type PushDevice, type PushServiceName, splitDevices, webDevice, type WebSubscription } from "./device.js";
export { type FcmOptions, type ServiceAccount } from "./fcm.js";
export { type PushMessage } from "./push-message.js";
export { type WebPushOptions } from "./web-push.js";
export { push, type PushOptions } from "./push-module.js";
