// Names that code blocks of the docs may use without making them: test/docs.test.ts checks the blocks beside this file.

import type * as bkDb from "@bk/db";

type Tables = {
  readonly photo: {
    readonly owner: { readonly primary: 1 };
    readonly taken: { readonly type: "bigint"; readonly primary: 2 };
    readonly stars: { readonly type: "int" };
  };
};

declare global {
  const openDb: typeof bkDb.openDb;
  const defineTables: typeof bkDb.defineTables;
  const tables: Tables;
  const db: bkDb.Db<Tables>;
  function jsonFileDriver(options: bkDb.DriverOptions): Promise<bkDb.Driver>;

  const method: string;
  const url: string;
  const body: string;
  const login: string;
  const secret: string;
  const masterKey: string;
}
