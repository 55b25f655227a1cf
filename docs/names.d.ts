// Names that code blocks of the docs may use without making them: test/docs.test.ts checks the blocks beside this file.

declare const openDb: typeof import("@bk/db").openDb;
declare const defineTables: typeof import("@bk/db").defineTables;
declare const tables: {
  readonly photo: {
    readonly owner: { readonly primary: 1 };
    readonly taken: { readonly type: "bigint"; readonly primary: 2 };
    readonly stars: { readonly type: "int" };
  };
};
declare const db: import("@bk/db").Db<typeof tables>;

declare const method: string;
declare const url: string;
declare const body: string;
declare const login: string;
declare const secret: string;
declare const masterKey: string;
