// What a module is to a server, and what it gets from it.

import type { Clock, ConfigValues, Definitions, Log } from "@bk/core";
import type { TableDefinitions } from "@bk/db";
import type { CronEntry, JobDefinitions, JobSubmitOptions } from "@bk/queue";

import type { AccountEvents, BusLike } from "../events/account-events.js";
import type { WholeCache } from "./cache.js";
import type { DbFor, RuledTable } from "./caller-db.js";
import type { ModuleDb, Row } from "./database.js";
import type { Directory } from "./directory.js";
import type { Call, Caller, Endpoint } from "./endpoint.js";
import type { Hook } from "./hooks.js";

/** A module's own settings. */
export interface ModuleConfig<Settings extends Definitions = Definitions> {
  /** What holds now; undefined where nobody gives it and there is no default. */
  get<Name extends keyof Settings & string>(name: Name): ConfigValues<Settings>[Name];
  /** Calls `listener` with the names of what changed. The function that is given back ends that. */
  onChange(listener: (changed: ReadonlySet<string>) => void): () => void;
}

/** Jobs of all modules of the server. */
export interface ModuleJobs {
  /**
   * Puts a job into the queue of modules.
   *
   * @param name  of the module's own, such as `remind`, or of another one's: `shop.remind`
   * @throws BkError `unsupported` where the server has no queue; `invalid` for an unknown job or a wrong input
   */
  submit(name: string, input?: unknown, options?: JobSubmitOptions): Promise<{ readonly id: string }>;
}

/** What a server lends to its modules. */
export interface ModuleHost<Settings extends Definitions = Definitions> {
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
  readonly config: ModuleConfig<Settings>;
  readonly jobs: ModuleJobs;
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
  /** What it has done later or elsewhere, by names without the module's: `remind` is the job `shop.remind`. */
  readonly jobs?: JobDefinitions;
  /** When jobs are submitted. A name without a dot is of the module's own. */
  readonly cron?: readonly (CronEntry & { readonly job: string })[];
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
  /** Names of modules that must run too, and start before it. */
  readonly needs?: readonly string[];
  /** Its settings: `{ currency }` of a module `shop` is `shop-currency`. */
  readonly config?: Definitions;
  /** The processes that it runs in: those that serve (`web`), those that run jobs (`worker`). Default both. A server of one process has all. */
  readonly roles?: readonly ("web" | "worker")[];
  start(host: ModuleHost): Promise<Running> | Running;
}
