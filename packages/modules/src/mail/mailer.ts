// Sending mails, at once or through a queue.

import { createHash, randomUUID } from "node:crypto";

import { BkError, type Clock, integer, type Log, silentLog, systemClock } from "@bk/core";
import { defineJobs, GiveUp, type JobContext, type Listener, type ListenOptions, type QueueLike } from "@bk/queue";

import { invalid } from "../common/failures.js";
import { type MailAddress, mailbox } from "./mail-address.js";
import { checkMail, type MailLimits, type MailMessage, recipientsOf } from "./mail-message.js";
import { checkDkim, type DkimOptions, mailTransport, type Posting } from "./mail-transport.js";
import type { RejectedRecipient } from "./smtp-error.js";

export interface MailerOptions extends Partial<MailLimits> {
  /**
   * Where mails go: `smtp://user:password@host:587`, `smtps://…`, `file:folder` (a file for each mail), or `json:` (nothing is sent).
   *
   * Of SMTP in the query: `tls=required` (default where there is a password), `optional` or `none`; `connections` (5) at a time; `timeoutMs`
   * (30,000) until a silent server counts as away; `name`, as which this machine introduces itself.
   */
  readonly transport: string;
  /** Who mails are from that do not say it. */
  readonly from: MailAddress;
  /** Mails go through it: `send` resolves when it has them, and `work` sends them. Default: `send` sends. */
  readonly queue?: QueueLike | undefined;
  /** Default: mails are not signed. */
  readonly dkim?: DkimOptions | undefined;
  /** Certificates that a server may be signed by, in PEM, in place of the system's. */
  readonly ca?: string | undefined;
  /** Most addresses of a mail; default 50. */
  readonly maxRecipients?: number;
  /** Most bytes of a mail; default 10 MiB. A queue may take less. */
  readonly maxBytes?: number;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
}

export interface SendOptions {
  /** While a mail of this key waits in the queue or is being sent, another one is not added. For a queue. */
  readonly key?: string | undefined;
  /** How long it waits, in milliseconds. For a queue that can delay. */
  readonly delayMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a mail. */
export interface SentMail {
  /** Its Message-ID; of a mail in a queue the id of its message there. */
  readonly id: string;
  /** Whether it is in the queue, and not sent yet. */
  readonly isQueued: boolean;
  /** Whether the queue had one of its key, and did not take this one. */
  readonly isDuplicate: boolean;
  /** Those whom the server did not take it for, while it took it for others. Empty of a mail in a queue: each of them gets further attempts there. */
  readonly rejected: readonly RejectedRecipient[];
  /** Of the transport `json:`, what would have been sent. */
  readonly json?: string;
}

export interface Mailer {
  /**
   * Sends a mail, or puts it into the queue.
   *
   * @throws BkError `invalid` naming the field; `too-large`; without a queue also `unavailable` when the server is away or says no for now
   *   (`outcome` is `unknown` when it may have taken the mail), `denied` when it says no for good, `unauthenticated`, `cancelled`; with one, as `submit` of the queue
   */
  send(message: MailMessage, options?: SendOptions): Promise<SentMail>;
  /**
   * Sends what is in the queue, in this process, until the listener is closed. A mail is sent at least once. When the server is away or says no for now (4xx) it is
   * tried again; a no for good (5xx) makes it dead at once, with the reason.
   *
   * @param options  those of `listen`; defaults: 5 mails at a time, the first rest 30 s, up to an hour
   */
  work(options?: ListenOptions): Promise<Listener>;
  /** The job that sends, for workers that run other jobs too: `defineJobs({ [mailJob]: mail.job, … })`. */
  readonly job: { readonly run: (input: unknown, context: JobContext) => Promise<void> };
}

/** The name of the job that sends mails. */
export const mailJob = "mail.send";

/** What may be otherwise at another time. */
const passing: ReadonlySet<string> = new Set(["unavailable", "limited", "timeout", "cancelled"]);

const limits = { maxRecipients: integer({ min: 1, max: 10_000 }), maxBytes: integer({ min: 1 }) };

/**
 * Makes a mailer. Nothing is sent before the first mail.
 *
 * @throws BkError `invalid` naming the option; `driver-missing` without the package nodemailer
 */
export async function mailer(options: MailerOptions): Promise<Mailer> {
  const { transport: url, queue, dkim, ca, clock = systemClock, log = silentLog } = options;
  if (typeof url !== "string") throw invalid("mailer needs transport, such as smtp://mail.example.com", "transport");
  checkDkim(dkim);
  const from = mailbox(options.from, "from");
  const bounds = { maxRecipients: limitOf("maxRecipients", 50), maxBytes: limitOf("maxBytes", 10 * 1024 * 1024) };
  const transport = await mailTransport(url, dkim, ca);

  function limitOf(name: keyof MailLimits, usual: number): number {
    const value = limits[name].read(options[name] ?? usual);
    if (value === undefined) throw invalid(`mailer: ${name} must be ${limits[name].mustBe}`, name);
    return value;
  }

  const posting = (message: MailMessage): Posting => {
    const mail = checkMail(message, from, bounds);
    return { mail, id: `<${randomUUID()}@${mail.from.address.split("@").at(-1)}>`, time: clock.now() };
  };

  /** @throws GiveUp for what is no mail: a queue is open to whoever can write to it */
  function read(input: unknown): Posting {
    const { mail, id, time, only } = (input ?? {}) as Posting;
    try {
      const checked = checkMail(mail, from, bounds);
      const isWhole = typeof id === "string" && /^<[\w-]+@[^\s<>@]+>$/u.test(id) && Number.isSafeInteger(time);
      const known = new Set(recipientsOf(checked));
      if (!isWhole || !(only === undefined || (Array.isArray(only) && only.every((each) => known.has(each as string)))))
        throw invalid("it has no id, no time, or goes to others than it names", "mail");
      return { mail: checked, id, time, only };
    } catch (error) {
      throw new GiveUp(`the message is no mail: ${error instanceof Error ? error.message : "it cannot be read"}`, { cause: error });
    }
  }

  async function run(input: unknown, { signal }: Pick<JobContext, "signal">): Promise<void> {
    const one = read(input);
    const { rejected } = await transport.post(one, signal).catch((error: unknown) => {
      throw error instanceof BkError && !passing.has(error.code) ? new GiveUp(error.message, { cause: error }) : error;
    });
    if (rejected.length === 0) return;
    log.warn("a mail server did not take a mail for some of its recipients", { recipients: rejected.length });
    if (queue === undefined) throw new GiveUp(`not taken for ${rejected.length} recipients: ${rejected[0]!.reason}`);
    // They get a message of their own: it is tried again, or says why it is dead, and the others do not get the mail again.
    await jobs.submit(queue, mailJob, { ...one, only: rejected.map(({ address }) => address) });
  }

  const job = { run };
  const jobs = defineJobs({ [mailJob]: job }, { clock, log });

  return {
    async send(message, { key, delayMs, signal } = {}) {
      const made = posting(message);
      if (queue === undefined) {
        if (key !== undefined || delayMs !== undefined)
          throw invalid("key and delayMs are for a mailer with a queue", key === undefined ? "delayMs" : "key");
        const { rejected, json } = await transport.post(made, signal);
        return { id: made.id, isQueued: false, isDuplicate: false, rejected, ...(json === undefined ? {} : { json }) };
      }
      const { id, duplicate } = await jobs.submit(queue, mailJob, made, {
        dedupeKey: key === undefined ? undefined : keyOf(key),
        delayMs,
        signal,
      });
      return { id, isQueued: true, isDuplicate: duplicate, rejected: [] };
    },
    work(given = {}) {
      if (queue === undefined) throw invalid("work is for a mailer with a queue", "queue");
      return jobs.work(queue, { concurrency: 5, ...given, backoff: { delayMs: 30_000, jitter: 0.3, ...given.backoff } });
    },
    job,
  };
}

/** Queues take few characters in a key. */
const keyOf = (key: string): string => `mail-${createHash("sha256").update(key).digest("base64url")}`;
