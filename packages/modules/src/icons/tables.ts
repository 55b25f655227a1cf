import type { ColumnDefinitions } from "@bk/db";

import type { RuledTable } from "../contract/caller-db.js";

/** The table of icons. `name` is `prefix:type`: neither holds a colon, and an empty type is a name all the same. */
export const iconTables = {
  bk_icon: {
    id: { primary: 1, pub: true },
    name: { primary: 2 },
    prefix: { pub: true },
    type: { pub: true },
    descr: { pub: true, maxLength: 1000 },
    /** Empty: the owner; `all`; `auth`: every account; ids between commas. */
    acl_allow: { maxLength: 5100 },
    tags: { type: "list" },
    width: { type: "int", pub: true },
    height: { type: "int", pub: true },
    rotation: { type: "int" },
    ext: { pub: true },
    size: { type: "int" },
    latitude: { type: "real" },
    longitude: { type: "real" },
    /** The key of its bytes. */
    object: { secure: true },
    etag: { secure: true },
    mtime: { type: "now" },
  },
} satisfies { readonly bk_icon: ColumnDefinitions };

export const iconRuled: Readonly<Record<string, RuledTable>> = {
  bk_icon: {
    verbs: ["read", "add", "update", "del"],
    needs: ["id", "name", "prefix", "type", "acl_allow", "ext", "size"],
    writes: ["acl_allow"],
    sets: ["prefix", "type", "width", "height", "rotation", "ext", "size", "mtime"],
  },
};
