// The mails of `bk-server` to people who forgot their secret.

import type { ResetMail } from "@bk/auth";
import { BkError, type Log } from "@bk/core";
import { mailer } from "@bk/modules/mail";
import { openQueue, type Queue } from "@bk/queue";

import type { Configuration } from "../settings/configuration.js";

export interface ResetMails {
  /** Where mails wait. */
  readonly queue: Queue;
  mail(message: ResetMail): Promise<void>;
  /** Ends what is being sent. */
  close(): Promise<void>;
}

/** How long a mail that is being sent is waited for at the end. */
const closeTimeoutMs = 5000;

/**
 * Sends mails where they are configured.
 *
 * The queue is this process's own: a token opens an account, so that it is stored nowhere but in the mail. Whoever gets none asks again.
 *
 * @throws BkError `invalid` naming the setting; `driver-missing` without nodemailer
 */
export async function resetMails(
  settings: Pick<Configuration, "mailTransport" | "mailFrom" | "mailPage">,
  log: Log,
): Promise<ResetMails | undefined> {
  const { mailTransport: transport, mailFrom: from, mailPage: page } = settings;
  if (transport === undefined || from === undefined) return undefined;
  const queue = await openQueue("local:", { name: "mail", log });
  const mail = await mailer({ transport, from, queue, log }).catch((error: unknown) => {
    if (error instanceof BkError && error.code === "invalid")
      throw new BkError("invalid", `mail-${error.detail?.["field"] === "from" ? "from" : "transport"}: ${error.message}`, {
        detail: error.detail,
      });
    throw error;
  });
  queue.on("dead", ({ error }) =>
    log.error("a mail that resets a secret could not be sent", { error: error instanceof Error ? error.message : "unknown" }),
  );
  await mail.work({ closeTimeoutMs });
  return {
    queue,
    async mail({ account, token, expires }) {
      if (typeof account.email !== "string") return log.info("a reset was asked for by an account without an address for mails");
      await mail.send({ to: account.email, subject: "Your new secret", text: textOf(account.login, token, page, expires) });
    },
    close: () => queue.close(),
  };
}

function textOf(login: string, token: string, page: string | undefined, expires: number): string {
  const where = page === undefined ? `This token sets it:\n\n${token}` : `Set it here:\n\n${page}#${token}`;
  return `Somebody, hopefully you, asked for a new secret for ${login}. ${where}\n\nIt counts once, until ${new Date(expires).toUTCString()}. If it was not you, do nothing: your secret stays as it is.\n`;
}
