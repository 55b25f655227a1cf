// Accounts that come and go: each leaves traces in several modules, and some are removed again.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "vitest";

import type { Row } from "@bk/modules";

import { type Actor, ask, type Part, tells, type World } from "./actor.js";
import type { Login } from "./servers.js";

interface Guest extends Login {
  readonly id: string;
  /** Whether its removal was asked for, and whether that was replied to. */
  removal?: "asked" | "done";
}

export interface Accounts extends Part {
  /** What has to be nowhere when everything that was begun has been carried on. */
  checkRemoved(tables: ReadonlyMap<string, readonly Row[]>, folder: string): Promise<void>;
}

/** Events that others were told of are kept for minutes, and expire; used signatures too. */
const expiring: ReadonlySet<string> = new Set(["bk_event", "bk_nonce"]);

export function accounts(world: World, admin: Login): Accounts {
  const guests: Guest[] = [];
  /** Logins of which nobody knows whether they were made. */
  const open: Login[] = [];
  let count = 0;

  /** Something in several modules, at the account whose turn it is and elsewhere. */
  async function leaveTraces(actor: Actor, guest: Guest): Promise<void> {
    const by = { ...guest, random: actor.random };
    const { isKnown } = await ask(world, by, "/connection/add", { json: { peer: actor.id, type: "like" } });
    tells(actor, `/connection/add like ${guest.id}`, isKnown);
    const msg = `guest ${guest.login}`;
    const sent = await ask(world, by, "/message/add", { json: { id: actor.id, msg } });
    tells(actor, `/message/add ${msg}`, sent.isKnown);
    await ask(world, by, "/file/put", { json: { prefix: "load", name: "a.txt", text: `file of ${guest.id}` } });
    await ask(world, by, "/pages/put", { json: { id: guest.login, content: "# Of a guest" } });
    await ask(world, by, "/status/put", { json: { status: "here" } });
  }

  return {
    weight: 1,
    async act(actor) {
      const login = { login: `guest${++count}`, secret: `secret of guest${count}` };
      const { reply } = await ask(world, { ...admin, random: actor.random }, "/account/add", { json: { ...login, name: login.login } });
      if (reply === undefined) {
        open.push(login);
        return;
      }
      const guest: Guest = { ...login, id: (reply.body as { readonly id: string }).id };
      guests.push(guest);
      await leaveTraces(actor, guest);
      if (actor.random.chance(0.5)) return;
      guest.removal = "asked";
      const { isKnown } = await ask(world, { ...guest, random: actor.random }, "/account/del", { json: {} });
      if (isKnown) guest.removal = "done";
    },

    check: () => Promise.resolve(),

    async checkAll() {
      for (const guest of guests) {
        // One whose removal was begun is not let in any more, or was not touched.
        const { reply } = await ask(world, { ...guest, random: world.actors[0]!.random }, "/account/get", {}, [200, 401]);
        if (guest.removal !== "asked") expect(reply!.status, guest.login).toBe(guest.removal === undefined ? 200 : 401);
        else if (reply!.status === 401) guest.removal = "done";
        if (reply!.status === 200) expect(reply!.body).toMatchObject({ id: guest.id, name: guest.login });
      }
      for (const login of open) {
        const { reply } = await ask(world, { ...login, random: world.actors[0]!.random }, "/account/get", {}, [200, 401]);
        if (reply!.status === 200) expect(reply!.body).toMatchObject({ name: login.login });
      }
    },

    checkRemoved(tables, folder) {
      const objects = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
      for (const { id, login } of guests.filter((guest) => guest.removal === "done")) {
        for (const [table, rows] of tables)
          if (!expiring.has(table))
            expect(
              rows.filter((row) => JSON.stringify(row).includes(id)),
              `${table} after the removal of ${login}`,
            ).toEqual([]);
        expect(
          objects.filter((bytes) => bytes.includes(id)),
          `objects after the removal of ${login}`,
        ).toEqual([]);
      }
      return Promise.resolve();
    },
  };
}
