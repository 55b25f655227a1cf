import type { ColumnDefinitions } from "@bk/db";

import type { RuledTable } from "../contract/caller-db.js";

/** The table of files: what there is of each; the bytes are in a storage. */
export const fileTables = {
  bk_file: {
    id: { primary: 1, pub: true },
    /** `prefix/name`. */
    path: { primary: 2, pub: true },
    prefix: { pub: true },
    name: { pub: true },
    size: { type: "bigint", pub: true },
    /** By its first bytes, else by what its name ends in. */
    type: { pub: true },
    sha256: { pub: true },
    /** Empty: the owner; `all`; `auth`: every account; ids between commas. */
    acl_allow: { maxLength: 5100 },
    /** The key of its bytes. */
    object: { secure: true },
    ctime: { type: "bigint" },
    mtime: { type: "now" },
  },
} satisfies { readonly bk_file: ColumnDefinitions };

export const fileRuled: Readonly<Record<string, RuledTable>> = {
  bk_file: {
    verbs: ["read", "add", "update", "del"],
    needs: ["id", "path", "name", "size", "type", "sha256", "acl_allow", "mtime"],
    writes: ["acl_allow"],
    sets: ["prefix", "name", "size", "type", "sha256", "ctime", "mtime"],
  },
};
