// `bk-server stats`: what the running server counts.

import { listAccounts } from "@bk/auth";
import { BkError } from "@bk/core";

import type { Configuration } from "../settings/configuration.js";
import { withAccounts } from "./account.js";
import type { JsonOption } from "./output.js";
import { requestCommand } from "./request.js";

export interface StatsOptions extends JsonOption {
  /** An admin who asks. Default: the first one in the database. */
  readonly login?: string;
  readonly url?: string;
  /** As Prometheus reads them. */
  readonly prometheus?: boolean;
}

/** Prints what `/system/stats/get` says. @returns  the exit code */
export async function statsCommand(configuration: Configuration, { login, url, prometheus = false }: StatsOptions): Promise<number> {
  const admin = login ?? (await firstAdmin(configuration));
  const words = ["/system/stats/get", ...(prometheus ? ["_format=prometheus"] : [])];
  return requestCommand(configuration, { login: admin, ...(url === undefined ? {} : { url }) }, words);
}

function firstAdmin(configuration: Configuration): Promise<string> {
  return withAccounts(configuration, async (db) => {
    for await (const { login, type } of listAccounts(db)) if (type?.split(",").includes("admin") === true) return login;
    throw new BkError(
      "not-found",
      "there is no admin in this database who may ask; add one: bk-server account add --login NAME --type admin",
    );
  });
}
