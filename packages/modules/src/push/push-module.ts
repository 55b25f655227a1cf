// The module `push` of a server: messages to the devices of its accounts.

import type { ListenOptions } from "@bk/queue";

import type { BackendModule } from "../contract/module.js";
import { accountDevices } from "./account-devices.js";
import { pusher, type PusherOptions } from "./pusher.js";
import { pushRoutes } from "./routes.js";

export interface PushOptions extends Omit<PusherOptions, "cache" | "clock" | "log"> {
  /** How the server sends what is in the queue; false: others do. Default: with the defaults of `work`. */
  readonly work?: ListenOptions | false | undefined;
}

/**
 * The module `push`: `/system/msg/send`, `/system/msg/init`, for admins. It needs `accounts`, whose `device_id` has the devices of an account; one that is
 * registered no more is taken from it.
 */
export function push(options: PushOptions): BackendModule {
  return {
    name: "push",
    tables: {},
    needs: ["accounts"],
    async start({ db, cache, clock, log }) {
      const { work = {}, onUninstall, ...rest } = options;
      const devices = accountDevices(db);
      const sender = await pusher({
        ...rest,
        cache,
        clock,
        log,
        async onUninstall(device, account) {
          if (account !== undefined) await devices.remove(account, device);
          await onUninstall?.(device, account);
        },
      });
      const listener = options.queue === undefined || work === false ? undefined : await sender.work(work);
      return {
        name: "push",
        endpoints: pushRoutes(sender, devices, options.queue !== undefined),
        async close() {
          await listener?.close();
          await sender.close();
        },
      };
    },
  };
}
