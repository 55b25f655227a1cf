// Who has which name: what modules may know of other accounts.

import type { ModuleDb } from "./database.js";

/** What everybody may know of an account. */
export interface Person {
  readonly id: string;
  readonly name: string | undefined;
}

export interface Directory {
  /** Those of the accounts that exist, by id. */
  find(ids: readonly string[]): Promise<ReadonlyMap<string, Person>>;
}

/** Names in the table `bk_account`, which the module of accounts keeps. */
export function accountDirectory(db: ModuleDb): Directory {
  return {
    async find(ids) {
      const rows = await db.list("bk_account", [...new Set(ids)], { select: ["id", "name"] });
      return new Map(rows.map(({ id, name }) => [id as string, { id: id as string, name: (name as string | null) ?? undefined }]));
    },
  };
}
