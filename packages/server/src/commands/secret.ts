// Secrets that commands are given: on standard input, so that no list of processes and no history of a shell has them.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

import { BkError } from "@bk/core";

/** What `--secret` means: `-` is what stands on standard input, or what is typed, unseen, in a terminal. */
export async function secretOf(given: string): Promise<string> {
  const secret = given !== "-" ? given : process.stdin.isTTY ? await typed("Secret: ") : (await text(process.stdin)).replace(/\r?\n$/, "");
  if (secret === "") throw new BkError("invalid", "--secret is empty", { detail: { field: "secret" } });
  return secret;
}

async function typed(question: string): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  process.stderr.write(question);
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

/** Asks whether to go on with what cannot be taken back. @throws BkError `invalid` where nobody can be asked; `cancelled` for no */
export async function confirm(what: string, { yes = false }: { readonly yes?: boolean | undefined }): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new BkError("invalid", `${what}: give --yes, as nobody can be asked`, { detail: { field: "yes" } });
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${what}. Go on? (yes) `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new BkError("cancelled", "nothing was done");
  } finally {
    lines.close();
  }
}
