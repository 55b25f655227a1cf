// Removing accounts: a row says that it has begun, so that whatever ends in the middle goes on later, on any server.

import type { Clock, Log } from "@bk/core";

import { codeOf } from "../common/failures.js";
import type { ModuleDb } from "../contract/database.js";
import type { Logins, Running } from "../contract/module.js";

export interface RemovalOptions {
  readonly db: ModuleDb;
  readonly logins: Logins;
  readonly clock: Clock;
  readonly log: Log;
  modules(): readonly Running[];
}

export interface Removals {
  /** Goes on with removals that were left, from now on and from time to time. Whatever keeps something of accounts must be there by now. */
  begin(): void;
  /** Removes an account. Resolves when all is gone, or after some seconds: then it goes on. */
  remove(id: string, login: string | undefined): Promise<void>;
  close(): Promise<void>;
}

const table = "bk_account_removal";
/** How long a caller waits for it. */
const patienceMs = 5_000;
/** How often removals that were left are looked for. */
const everyMs = 60_000;

export function removals({ db, logins, clock, log, modules }: RemovalOptions): Removals {
  const over = new AbortController();
  const running = new Map<string, Promise<void>>();

  async function finish(id: string, login: string | undefined): Promise<void> {
    // First what it logs in with: from then on nobody acts for it.
    if (login !== undefined) await logins.del(login, id);
    for (const module of modules()) {
      if (over.signal.aborted) return;
      await module.forget?.(id);
    }
    await db.del("bk_account", { id });
    await db.del(table, { id });
  }

  /** One at a time for an account; what fails is tried again later. */
  function start(id: string, login: string | undefined): Promise<void> {
    const known = running.get(id);
    if (known !== undefined) return known;
    const work = finish(id, login)
      .catch((error: unknown) => {
        log.warn("an account is not removed whole yet; it is tried again", {
          id,
          code: codeOf(error),
        });
      })
      .finally(() => running.delete(id));
    running.set(id, work);
    return work;
  }

  async function resume(): Promise<void> {
    for await (const { id, login } of db.scan(table)) {
      if (over.signal.aborted) return;
      await start(id as string, (login as string | null) ?? undefined);
    }
  }

  async function keepResuming(): Promise<void> {
    while (!over.signal.aborted) {
      await resume().catch((error: unknown) =>
        log.warn("accounts whose removal was left could not be looked for", { code: codeOf(error) }),
      );
      await clock.sleep(everyMs, over.signal).catch(() => undefined);
    }
  }
  let resuming: Promise<void> | undefined;

  return {
    begin: () => void (resuming ??= keepResuming()),
    async remove(id, login) {
      await db.put(table, { id, ...(login === undefined ? {} : { login }) });
      const waited = new AbortController();
      await Promise.race([start(id, login), clock.sleep(patienceMs, waited.signal).catch(() => undefined)]);
      waited.abort();
    },
    async close() {
      over.abort();
      await Promise.all([resuming, ...running.values()]);
    },
  };
}
