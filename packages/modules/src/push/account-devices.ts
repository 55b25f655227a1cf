// The devices of accounts, as `device_id` of their rows has them.

import type { ModuleDb } from "../contract/database.js";
import { splitDevices } from "./device.js";

const table = "bk_account";
/** How often it is tried to change a row that others change. */
const mostAttempts = 5;

export interface AccountDevices {
  /** The devices of accounts; those that do not exist have none. */
  of(accounts: readonly string[]): Promise<{ readonly account: string; readonly devices: readonly string[] }[]>;
  /** Takes a device from an account, which may not have it. */
  remove(account: string, device: string): Promise<void>;
}

export function accountDevices(db: Pick<ModuleDb, "get" | "list" | "update">): AccountDevices {
  return {
    async of(accounts) {
      const rows = await db.list(table, [...new Set(accounts)]);
      return rows.map(({ id, device_id: ids }) => ({ account: id as string, devices: typeof ids === "string" ? splitDevices(ids) : [] }));
    },
    async remove(account, device) {
      for (let attempt = 0; attempt < mostAttempts; attempt++) {
        const ids = (await db.get(table, { id: account }))?.["device_id"];
        if (typeof ids !== "string" || !splitDevices(ids).includes(device)) return;
        const rest = splitDevices(ids).filter((each) => each !== device);
        const change = { id: account, device_id: rest.length === 0 ? null : rest.join(",") };
        // What the account has said of its devices meanwhile stays.
        if ((await db.update(table, change, { where: { device_id: ids } })).affected > 0) return;
      }
    },
  };
}
