// Where mails go, by URL. nodemailer makes the message and speaks SMTP; it is loaded when a transport is opened.

import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { BkError, type ConnectUrl, integer, oneOf, parseConnectUrl, readOptions, string } from "@bk/core";

import { invalid } from "../common/failures.js";
import { missingPackage } from "../common/missing-package.js";
import { turnsOf } from "../common/turns.js";
import { type CheckedMail, recipientsOf } from "./mail-message.js";
import { rejectedRecipients, type RejectedRecipient, smtpError } from "./smtp-error.js";

/** Signs mails, so that receivers can tell that they are of the domain (RFC 6376). */
export interface DkimOptions {
  readonly domain: string;
  /** The key's name: the public part is in the DNS record `SELECTOR._domainkey.DOMAIN`. */
  readonly selector: string;
  /** In PEM. */
  readonly privateKey: string;
}

/** A mail with what is decided once of it, however often it is sent. */
export interface Posting {
  readonly mail: CheckedMail;
  /** Its Message-ID, by which mailboxes know a mail that comes twice. */
  readonly id: string;
  /** When it was written, in milliseconds since 1970. */
  readonly time: number;
  /** Whom it goes to; default all of its recipients. */
  readonly only?: readonly string[] | undefined;
}

export interface Posted {
  readonly rejected: readonly RejectedRecipient[];
  /** Of `json:`, what would have been sent. */
  readonly json?: string;
}

export interface MailTransport {
  /** @throws BkError as `smtpError` says; file errors as they are */
  post(posting: Posting, signal: AbortSignal | undefined): Promise<Posted>;
}

/** What is used of nodemailer. */
interface Sender {
  sendMail(data: object): Promise<{ readonly message?: unknown; readonly rejectedErrors?: readonly unknown[] }>;
}

const words = {
  tls: oneOf(["required", "optional", "none"]),
  timeoutMs: integer({ min: 1 }),
  connections: integer({ min: 1, max: 1000 }),
  name: string(),
};

/** Mails that wait for a connection. */
const mostWaiting = 10_000;

/**
 * Opens a transport.
 *
 * @param ca  certificates that a server may be signed by, in PEM, in place of the system's
 * @throws BkError `invalid` naming the field; `driver-missing` without nodemailer
 */
export async function mailTransport(url: string, dkim: DkimOptions | undefined, ca: string | undefined): Promise<MailTransport> {
  const place = parseConnectUrl(url);
  const options = readOptions(place.options, place.scheme.startsWith("smtp") ? words : ({} as typeof words), (_option, problem) =>
    invalid(`the URL of the mail transport: ${problem}`, "transport"),
  );
  const common = {
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(dkim === undefined ? {} : { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey } }),
  };
  switch (place.scheme) {
    case "smtp":
    case "smtps":
      return smtp(await senderOf({ ...common, ...serverOf(place, options, ca) }), place, options.connections ?? 5);
    case "file": {
      const folder = place.path;
      if (folder === undefined || place.hosts.length > 0)
        throw invalid("file: of a mail transport names a folder, such as file:var/mails", "transport");
      const sender = await senderOf({ ...common, streamTransport: true, buffer: true });
      return {
        async post(posting) {
          const { message } = await sender.sendMail(dataOf(posting));
          await keep(folder, posting.time, message as Uint8Array);
          return { rejected: [] };
        },
      };
    }
    case "json": {
      const sender = await senderOf({ ...common, jsonTransport: true });
      return { post: async (posting) => ({ rejected: [], json: (await sender.sendMail(dataOf(posting))).message as string }) };
    }
    default:
      throw invalid(`there is no mail transport ${place.scheme}:; there are smtp:, smtps:, file:, json:`, "transport");
  }
}

async function senderOf(options: object): Promise<Sender> {
  try {
    const { createTransport } = await import("nodemailer");
    return createTransport(options) as Sender;
  } catch (error) {
    throw missingPackage(error, "nodemailer", "mail");
  }
}

function serverOf(
  { scheme, hosts, user, password }: ConnectUrl,
  options: ReturnType<typeof readOptions<typeof words>>,
  ca: string | undefined,
): object {
  const [server] = hosts;
  if (server === undefined || hosts.length > 1)
    throw invalid("the URL of the mail transport names one server, such as smtp://mail.example.com:587", "transport");
  if ((user === undefined) !== (password === undefined))
    throw invalid("the URL of the mail transport has a user without a password, or the other way round", "transport");
  // A password goes over no connection that others can read, unless somebody says so.
  const { tls = password === undefined ? "optional" : "required", timeoutMs = 30_000, name } = options;
  const secure = scheme === "smtps";
  return {
    host: server.host,
    port: server.port ?? (secure ? 465 : 587),
    secure,
    requireTLS: !secure && tls === "required",
    ignoreTLS: tls === "none",
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(user === undefined ? {} : { auth: { user, pass: password } }),
    ...(name === undefined ? {} : { name }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  };
}

function smtp(sender: Sender, { user, password }: ConnectUrl, connections: number): MailTransport {
  const turns = turnsOf(connections, mostWaiting, "too many mails wait to be sent; use a queue, or try again later");
  // As they are, and as AUTH LOGIN and AUTH PLAIN send them.
  const sent = user === undefined ? [] : [user, password!, `\0${user}\0${password}`];
  const secrets = sent.flatMap((each) => [each, Buffer.from(each).toString("base64")]);
  return {
    post: (posting, signal) =>
      turns(async () => {
        const data = dataOf(posting);
        const hidden = [...secrets, ...data.envelope.to, data.envelope.from];
        try {
          const { rejectedErrors } = await sender.sendMail({ ...data, ...(signal === undefined ? {} : { signal }) });
          return { rejected: rejectedRecipients(rejectedErrors, hidden) };
        } catch (error) {
          throw smtpError(error, hidden);
        }
      }, signal),
  };
}

/** A mail as nodemailer takes it. */
interface Data extends Omit<CheckedMail, "attachments"> {
  readonly messageId: string;
  readonly date: Date;
  readonly attachments: readonly object[];
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
}

function dataOf({ mail, id, time, only }: Posting): Data {
  const { attachments, ...rest } = mail;
  return {
    ...rest,
    messageId: id,
    date: new Date(time),
    attachments: attachments.map((each) => ({ ...each })),
    envelope: { from: mail.from.address, to: only ?? recipientsOf(mail) },
  };
}

/** A file for each mail, there whole or not at all; by name they are in the order of their times. */
async function keep(folder: string, time: number, bytes: Uint8Array): Promise<void> {
  const path = join(folder, `${String(time).padStart(15, "0")}-${randomUUID()}.eml`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.part`, bytes, { mode: 0o600 });
  await rename(`${path}.part`, path);
}

/** @throws BkError `invalid` for DKIM options that are not whole */
export function checkDkim(dkim: DkimOptions | undefined): void {
  if (dkim === undefined) return;
  for (const name of ["domain", "selector", "privateKey"] as const)
    if (typeof dkim[name] !== "string" || dkim[name] === "")
      throw new BkError("invalid", `mailer: dkim.${name} is missing`, { detail: { field: "dkim" } });
}
