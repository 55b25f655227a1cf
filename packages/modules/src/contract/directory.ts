// Who has which name: what modules may know of other accounts.

import { type DbFor, unruled } from "./caller-db.js";
import type { ModuleDb } from "./database.js";
import type { Caller } from "./endpoint.js";

/** What everybody may know of an account. */
export interface Person {
  readonly id: string;
  readonly name: string | undefined;
}

export interface Directory {
  /**
   * Those of the accounts that exist, by id.
   *
   * @param caller  for whom: where `bk_account` has rules, those that the caller does not read do not exist. Default: for the module itself
   */
  find(ids: readonly string[], caller?: Caller): Promise<ReadonlyMap<string, Person>>;
}

/** Names in the table `bk_account`, which the module of accounts keeps. */
export function accountDirectory(db: ModuleDb, dbFor: DbFor = unruled(db)): Directory {
  return {
    async find(ids, caller) {
      const own = caller === undefined ? undefined : dbFor(caller);
      if (own?.reads("bk_account") === false) return new Map();
      const rows = await (own ?? db).list("bk_account", [...new Set(ids)], { select: ["id", "name"] });
      return new Map(rows.map(({ id, name }) => [id as string, { id: id as string, name: (name as string | null) ?? undefined }]));
    },
  };
}
