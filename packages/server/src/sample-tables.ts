// What bk-server serves when it is started without anything: a table to try it with.

import { table, type TableDefinitions } from "@bk/db";

/** One table of notes that belong to accounts. Its name is not one that an app would have used before. */
export const sampleTables = {
  sample: table(
    {
      id: { type: "uuid", primary: 1 },
      owner: { index: 1 },
      text: { pub: true },
      stars: { type: "int", pub: true, value: 0 },
      mtime: { type: "now" },
    },
    { owner: "owner" },
  ),
} satisfies TableDefinitions;

/**
 * The commands that come next, for somebody who has just started a server.
 *
 * @param home  the option for another home folder than the current one, else empty
 * @param place  the option for another place than the usual one, else empty
 */
export function nextCommands(home: string, place: string): readonly string[] {
  const options = `--login me${home}`;
  return [
    `bk-server account add ${options}`,
    `bk-server request POST /data/put/sample ${options}${place} --body '{"id":"n1","text":"hello"}'`,
    `bk-server request GET /data/select/sample ${options}${place}`,
  ];
}
