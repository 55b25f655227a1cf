// Messages from applications to clients.

import { randomBytes } from "node:crypto";

import { BkError, type Clock, type Log } from "@bk/core";

import { hasCode, invalid } from "../common/failures.js";
import { hashOf, isSame } from "../common/tokens.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { BusLike } from "../events/account-events.js";
import { messageLog } from "./message-log.js";

export interface PushcartOptions {
  readonly db: ModuleDb;
  readonly bus: BusLike;
  readonly clock: Clock;
  readonly log: Log;
  /** How long messages are kept, in days. Default 30. */
  readonly keepDays?: number;
  /** What whoever registers a client over HTTP must show; default: nobody can. At least 16 characters. */
  readonly authToken?: string | undefined;
}

/** What a registration gives. The token is shown once. */
export interface Registered {
  readonly _id: string;
  readonly token: string;
}

/** A message as clients get it. */
export type PushMessage = Readonly<Record<string, unknown>> & {
  readonly _id: string;
  readonly app: { readonly _id: string; readonly name: string };
};

export interface PushcartService {
  addApp(name: string): Promise<Registered>;
  addClient(type: string, info?: Readonly<Record<string, unknown>>): Promise<Registered & { readonly type: string }>;
  /** Whether this is the token that registers clients. */
  maySignUp(token: string | undefined): boolean;
  /** @throws BkError `unauthenticated` for a token that no application has */
  post(token: string | undefined, data: unknown): Promise<PushMessage>;
  /**
   * Messages after an id, oldest first.
   *
   * @throws BkError `unauthenticated` for a token that no client has
   */
  read(token: string | undefined, since: string | undefined, limit: number): Promise<PushMessage[]>;
}

/** The channel on which every message is published. */
export const pushcartChannel = "pushcart:messages";

const idOf = (number: number): string => number.toString(16).padStart(24, "0");

/** An id for a registration: the time, and what nobody else has. */
const newId = (clock: Clock): string =>
  Math.floor(clock.now() / 1000)
    .toString(16)
    .padStart(8, "0") + randomBytes(8).toString("hex");

export function pushcartService({ db, bus, clock, log, keepDays = 30, authToken }: PushcartOptions): PushcartService {
  if (authToken !== undefined && authToken.length < 16)
    throw new BkError("invalid", "pushcart: authToken must have 16 characters or more", { detail: { field: "authToken" } });
  const messages = messageLog(db, clock, keepDays * 86_400_000);

  async function register(table: string, row: Row): Promise<Registered> {
    const token = randomBytes(16).toString("hex");
    const id = newId(clock);
    await db.add(table, { ...row, id, token_hash: hashOf(token) });
    return { _id: id, token };
  }

  /** Who has a token; the database compares hashes, which tell nothing of the token. */
  async function holderOf(table: string, token: string | undefined): Promise<Row> {
    const isToken = token !== undefined && /^[0-9a-f]{32}$/.test(token);
    const { rows } = await db.select(table, { token_hash: hashOf(isToken ? token : "") }, { count: 1 });
    if (!isToken || rows[0] === undefined) throw new BkError("unauthenticated", "the token is missing or not known");
    return rows[0];
  }

  return {
    addApp: (name) => {
      if (name === "" || name.length > 200) throw invalid("name must have 1 to 200 characters", "name");
      return register("bk_push_app", { name });
    },

    async addClient(type, info = {}) {
      if (type === "" || type.length > 200) throw invalid("type must have 1 to 200 characters", "type");
      return { type, ...(await register("bk_push_client", { type, info })) };
    },

    maySignUp: (token) => authToken !== undefined && token !== undefined && isSame(hashOf(token), hashOf(authToken)),

    async post(token, data) {
      const app = await holderOf("bk_push_app", token);
      if (typeof data !== "object" || data === null || Array.isArray(data)) throw invalid("a message is a JSON object", "body");
      for (const name of ["_id", "app"])
        if (Object.hasOwn(data, name)) throw invalid(`${name} is set by the server; use another name`, name);
      const { id, name } = app as { readonly id: string; readonly name: string };
      const number = await messages.add({ app_id: id, app_name: name, data });
      const message: PushMessage = { _id: idOf(number), ...data, app: { _id: id, name } };
      // It is taken, whether or not somebody can be told of it.
      await bus
        .publish(pushcartChannel, message)
        .catch((error: unknown) =>
          log.warn("a message could not be published", { code: hasCode(error, "too-large") ? "too-large" : "unavailable" }),
        );
      return message;
    },

    async read(token, since, limit) {
      await holderOf("bk_push_client", token);
      if (since !== undefined && !/^[0-9a-fA-F]{24}$/.test(since)) throw invalid("since is no id of 24 hexadecimal digits", "since");
      const number = since === undefined ? 0 : Number.parseInt(since, 16);
      // Beyond what a number can be there is nothing yet.
      if (!Number.isSafeInteger(number)) return [];
      const rows = await messages.after(number, limit);
      return rows.map((row) => ({
        _id: idOf(Number(row["number"])),
        ...(row["data"] as object),
        app: { _id: row["app_id"] as string, name: row["app_name"] as string },
      }));
    },
  };
}
