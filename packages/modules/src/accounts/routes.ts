import type { ColumnDefinitions } from "@bk/db";

import { invalid } from "../common/failures.js";
import { isClosed, listParameters } from "../common/lists.js";
import type { Row } from "../contract/database.js";
import { anyRow, endpoint, type Endpoint, nothing, pageOrTotalSchema } from "../contract/endpoint.js";
import type { AccountService } from "./service.js";

/** What is given when an account is added or changed, beside its columns. */
const kept = ["id", "login", "ctime", "mtime"];
const login = { required: true, max: 140, min: 1, about: "what the account logs in with" } as const;
const type = { max: 200, about: "types of the account in a comma list, such as `admin`; set by admins" } as const;

const select = { type: "list", about: "the columns that are wanted; default all" } as const;

/** @param columns  those of `bk_account` */
export function accountRoutes(service: AccountService, signUp: "open" | "admin", columns: ColumnDefinitions): Endpoint[] {
  const selecting = {
    summary: "A page of the accounts whose columns are as given; others than admins search by public ones",
    who: "account",
    parameters: listParameters,
    columns: { table: "bk_account" },
    filters: Object.keys(columns).filter((name) => !isClosed(columns[name]!)),
    reply: pageOrTotalSchema(anyRow),
  } as const;
  // What clients of an older API call it; an app may have a column of that name.
  const alias: { readonly alias?: { readonly max: number; readonly about: string } } = Object.hasOwn(columns, "alias")
    ? {}
    : { alias: { max: 140, about: "the same as `name`, where that is not given" } };
  return [
    endpoint({
      path: "/account/get",
      summary: "The caller's account; with `id` what others may see of the named ones, in a list in the order asked",
      who: "account",
      givesSessions: true,
      parameters: { id: { type: "list", max: 100, about: "ids of other accounts" }, _select: select },
      reply: { anyOf: [anyRow, { type: "array", items: anyRow }] },
      async answer({ caller, values: { id, _select } }) {
        const isOwn = id === undefined || (id.length === 1 && id[0] === caller.id);
        if (isOwn) return selected(await service.own(caller), _select);
        return (await service.others(caller, id)).map((row) => selected(row, _select));
      },
    }),
    endpoint({
      path: "/account/add",
      summary: "Adds an account; the id is made here",
      who: signUp === "open" ? "anonymous" : "admin",
      changes: true,
      parameters: {
        login,
        secret: { required: true, max: 1000, min: 1, about: "the key that signs" },
        _scramble: {
          type: "bool",
          default: false,
          about: "make the key of login and secret, as clients do that ask a person for the secret",
        },
        type,
        ...alias,
      },
      columns: { table: "bk_account", except: kept },
      reply: anyRow,
      answer: ({ caller, values, columns: given, address }) =>
        service.add(
          caller,
          {
            login: values.login.trim(),
            secret: values.secret,
            scramble: values._scramble,
            type: values.type,
            columns: named(given, values.alias),
          },
          address,
        ),
    }),
    endpoint({
      ...selecting,
      path: "/account/select",
      answer: ({ caller, values, filter }) => service.select(caller, filter, values),
    }),
    endpoint({
      ...selecting,
      path: "/account/search",
      answer: ({ caller, values, filter }) => service.select(caller, filter, values),
    }),
    endpoint({
      path: "/account/update",
      summary: "Changes the caller's account, by an admin any",
      who: "account",
      changes: true,
      parameters: { id: { about: "default: the caller" }, type, ...alias },
      columns: { table: "bk_account", except: kept },
      reply: anyRow,
      answer: ({ caller, values, columns: given }) =>
        service.update(caller, values.id ?? caller.id, named(given, values.alias), values.type),
    }),
    endpoint({
      path: "/account/put/secret",
      summary: "A new secret for the caller, or an end to all of its access tokens",
      who: "account",
      changes: true,
      parameters: {
        secret: { max: 1000, min: 1 },
        old_secret: { max: 1000, about: "the present secret; needed by whoever is logged in by a cookie" },
        token_secret: { type: "bool", default: false, about: "whether all access tokens end" },
      },
      reply: nothing,
      async answer({ caller, values: { secret, old_secret, token_secret }, source }) {
        // Somebody else may sit at the browser.
        if (source === "session" && secret !== undefined && old_secret === undefined) throw invalid("old_secret is required", "old_secret");
        await service.changeSecret(caller, { secret, oldSecret: old_secret, tokens: token_secret });
        return {};
      },
    }),
    endpoint({
      path: "/account/del",
      summary: "Removes the caller's account and everything that is kept of it, by an admin any",
      who: "account",
      changes: true,
      parameters: { id: { about: "default: the caller" } },
      reply: nothing,
      async answer({ caller, values }) {
        await service.del(caller, values.id ?? caller.id);
        return {};
      },
    }),
  ];
}

function named(columns: Readonly<Row>, alias: string | undefined): Row {
  return alias === undefined || Object.hasOwn(columns, "name") ? { ...columns } : { ...columns, name: alias };
}

/** The row with the named columns; what a caller may not see is not in it, so that a name tells nothing. */
function selected(row: Row, names: readonly string[] | undefined): Row {
  return names === undefined ? row : Object.fromEntries(names.filter((name) => Object.hasOwn(row, name)).map((name) => [name, row[name]]));
}
