// Requests that are signed by RFC 9421, with keys of the table `bk_key`.

import { dbKeys, type KeyDb, type MasterKey, type RequestVerifier } from "@bk/auth";
import { messageSignatures, type MessageSignaturesOptions } from "@bk/auth/message-signatures";
import { BkError, type Log } from "@bk/core";
import type { Db } from "@bk/db";

import { faultFields } from "./fault-fields.js";

/** How message signatures are verified; their keys are those of the table. */
export type MessageKeySettings = Omit<MessageSignaturesOptions, "keys">;

export interface MessageKeyParts {
  readonly db: Db;
  /** Whether the database was opened here, with accounts in `bk_auth`. */
  readonly isOwn: boolean;
  readonly masterKey: () => MasterKey;
  readonly log: Log;
}

/** Verifies by the keys of the table; `idle` waits for what is being written of their uses. */
export function messageKeys(
  given: MessageKeySettings | boolean | undefined,
  { db, isOwn, masterKey, log }: MessageKeyParts,
): { readonly messages: RequestVerifier; idle(): Promise<void> } | undefined {
  if (given === undefined || given === false) return undefined;
  if (!isOwn)
    throw new BkError(
      "invalid",
      "messageKeys: needs a database that is opened here, with accounts in bk_auth; give auth.messages in its place",
      {
        detail: { field: "messageKeys" },
      },
    );
  const keys = dbKeys(db as unknown as KeyDb, {
    masterKey: masterKey(),
    onFault: (error) => log.warn("the use of a key could not be written down", faultFields(error)),
  });
  return { messages: messageSignatures({ ...(given === true ? {} : given), keys }), idle: () => keys.idle() };
}
