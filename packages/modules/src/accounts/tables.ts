import { type ColumnDefinitions, table } from "@bk/db";

/** Columns that an app adds to accounts. */
export type AccountColumns = ColumnDefinitions;

/**
 * The tables of accounts: what an account says of itself, and which accounts are being removed. What it logs in with, and its types,
 * are in `bk_auth` of `@bk/auth`.
 */
export function accountTables(more: AccountColumns = {}) {
  return {
    bk_account: {
      id: { primary: 1, pub: true },
      login: { readonly: true },
      name: { pub: true, notEmpty: true, maxLength: 140, index: 1 },
      first_name: { pub: true, maxLength: 140 },
      last_name: { pub: true, maxLength: 140 },
      status: { maxLength: 140 },
      email: { type: "email" },
      phone: { type: "phone" },
      website: { maxLength: 500 },
      company: { maxLength: 140 },
      /** As `1990-12-31`. */
      birthday: { maxLength: 10 },
      gender: { maxLength: 32 },
      street: { maxLength: 200 },
      city: { maxLength: 140 },
      county: { maxLength: 140 },
      state: { maxLength: 140 },
      zipcode: { maxLength: 32 },
      country: { maxLength: 140 },
      /** Devices that get messages, as `[service://]TOKEN[@APP]` with commas between them. */
      device_id: { maxLength: 4000 },
      ctime: { type: "now", readonly: true },
      mtime: { type: "now" },
      ...more,
    },
    /** Accounts whose removal has begun. */
    bk_account_removal: table({ id: { primary: 1 }, login: { secure: true }, ctime: { type: "now", readonly: true } }, {}),
  } as const;
}
