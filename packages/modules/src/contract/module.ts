// What a module is to a server, and what it gets from it.

import type { Clock, Log } from "@bk/core";
import type { TableDefinitions } from "@bk/db";

import type { AccountEvents, BusLike } from "../events/account-events.js";
import type { WholeCache } from "./cache.js";
import type { DbFor, RuledTable } from "./caller-db.js";
import type { ModuleDb, Row } from "./database.js";
import type { Directory } from "./directory.js";
import type { Call, Caller, Endpoint } from "./endpoint.js";
import type { Hook } from "./hooks.js";

/** What a server lends to its modules. */
export interface ModuleHost {
  /** For what a module does by itself: nothing of what a caller asks for. */
  readonly db: ModuleDb;
  /** For what a module does for a caller, within the rules that an app has given to its tables. */
  readonly dbFor: DbFor;
  readonly cache: WholeCache;
  /** Tells accounts of events, on every server that shares the bus. */
  readonly events: AccountEvents;
  /** Publish and subscribe, on every server that shares it. */
  readonly bus: BusLike;
  /** Who has which name. */
  readonly directory: Directory;
  /** Adding, changing and removing what accounts log in with; absent where the app has its own accounts. */
  readonly logins: Logins | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** The folder for what is not in the database, such as images. */
  readonly folder: string;
  /** The tables of all modules of the server. */
  readonly tables: TableDefinitions;
  /** The other modules that run, for what concerns all of them. */
  modules(): readonly Running[];
  /**
   * Calls an endpoint of this server for the caller of another one, with its checks.
   *
   * @param values  its parameters, as they would be in a JSON body
   * @param files  of a form, whose fields are the texts among `values`. Default: they are no form's
   * @throws BkError `not-found` for a path that is none; `denied` where the caller may not call it
   */
  dispatch(path: string, values: Readonly<Record<string, unknown>>, call: Call, files?: Call["files"]): Promise<unknown>;
}

/** A change of what an account logs in with. */
export interface SecretChange {
  readonly secret?: string | undefined;
  /** The present secret; where it is given and wrong nothing changes. */
  readonly oldSecret?: string | undefined;
  /** Whether access tokens end. */
  readonly tokens?: boolean | undefined;
}

/** What a server does with the table of logins for modules. */
export interface Logins {
  /**
   * @returns  the new account's id, and its key where the caller does not have it
   * @throws BkError `invalid`; `already-exists`
   */
  add(login: {
    readonly login: string;
    readonly secret: string;
    readonly scramble?: boolean;
    readonly name?: string | undefined;
    readonly email?: string | undefined;
    readonly type?: string | undefined;
  }): Promise<{ readonly id: string; readonly secret?: string }>;
  /** The login of an account; undefined when there is none. */
  loginOf(id: string): Promise<string | undefined>;
  /** Its row as its owner may see it. */
  get(login: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Changes what the row says; never secrets, and what admins set only for an admin. */
  update(login: string, changes: Readonly<Record<string, unknown>>, options: { readonly asAdmin: boolean }): Promise<void>;
  /** Another secret, or another key of tokens: what was signed in by the old one ends. */
  changeSecret(login: string, change: SecretChange): Promise<void>;
  /** Removes a login, if it is still that of the account: another one may have taken it. */
  del(login: string, id: string): Promise<void>;
}

/** What became of an account. */
export interface AccountChange {
  readonly kind: "added" | "updated";
  /** The account as its owner sees it. */
  readonly account: Row;
}

/** A module that runs. */
export interface Running {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** What it has done beside requests to others. */
  readonly hooks?: readonly Hook[];
  /**
   * An account was added or changed by the module of accounts. Told once, behind the change, which stands whatever becomes of this: what must be there
   * of every account is made where it is missing. Of removals `forget` is told.
   */
  accountChanged?(change: AccountChange): Promise<void> | void;
  /**
   * Removes everything that the module keeps of an account, in the module's tables and elsewhere. It may be called again after it
   * was interrupted, and goes on where it was.
   */
  forget?(id: string): Promise<void>;
  /** What the module adds to accounts when the caller gets them, by id and as far as the caller may see it, such as the URLs of icons. */
  describe?(caller: Caller, ids: readonly string[]): Promise<ReadonlyMap<string, Row>>;
  /** All modules of the server run: what goes on in the background and needs the others begins. */
  begin?(): void;
  /** The server begins to stop: requests that wait for something are answered now. */
  drain?(): void;
  /** Ends what the module runs in the background. Calls of its endpoints have ended by then. */
  close?(): Promise<void>;
}

/** A feature that a server can have. */
export interface BackendModule {
  /** One word, such as `messages`. */
  readonly name: string;
  readonly tables: TableDefinitions;
  /** The tables that apps may give rules to: those that it uses for callers by `dbFor` alone. Default none. */
  readonly ruled?: Readonly<Record<string, RuledTable>>;
  /** Names of modules that must run too. */
  readonly needs?: readonly string[];
  start(host: ModuleHost): Promise<Running> | Running;
}
