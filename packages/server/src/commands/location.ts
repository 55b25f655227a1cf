// `bk-server location put`: says where an account is.

import type { Configuration } from "../settings/configuration.js";
import { accountNamed, type WhichAccount } from "./account.js";
import { pairOf } from "./fields.js";
import { requireModule, withModules } from "./in-process.js";
import { printJson } from "./output.js";

/** Says where an account is, as `/location/put` does for its owner, and prints the place. */
export async function putLocationCommand(configuration: Configuration, which: WhichAccount, words: readonly string[]): Promise<void> {
  const { login, id } = which;
  const account = await accountNamed(configuration, { login, id });
  await withModules(configuration, async (server) => {
    requireModule(server, "locations");
    printJson(await server.call("/location/put", account, Object.fromEntries(words.map(pairOf))));
  });
}
