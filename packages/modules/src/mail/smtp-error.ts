// What an error of an SMTP transport means: whether the mail may go at another time, and why it did not.

import { BkError, notReachedCodes, plainText } from "@bk/core";

/** What is read of errors of nodemailer. */
interface SmtpFault {
  readonly message?: string;
  readonly code?: string;
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
  readonly recipient?: string;
}

/** A recipient that the server did not take, while it took the mail for others. */
export interface RejectedRecipient {
  readonly address: string;
  /** The server's reply. */
  readonly reason: string;
  /** Whether it may be taken at another time. */
  readonly isTemporary: boolean;
}

/**
 * The error of a mail that was not sent:
 *
 * - `unavailable`: the server is away, or said no for now (4xx); `outcome` is `unknown` where the connection broke while the mail was on its way;
 * - `unauthenticated`: it does not take user and password; `denied`: it does not take the mail (5xx);
 * - `cancelled`: by the signal.
 *
 * @param hidden  texts that are not to be told, such as the password
 */
export function smtpError(error: unknown, hidden: readonly string[]): BkError {
  const { code = "", originalCode, command, response, responseCode, message = "the connection failed" } = error as SmtpFault;
  if (code === "EABORT") return new BkError("cancelled", "mail: cancelled by the caller's signal");
  const detail = responseCode === undefined ? undefined : { smtpCode: responseCode };
  // None is handed on as a cause: it may hold what was sent.
  if (responseCode !== undefined && code !== "ETLS") {
    const isTemporary = isTemporaryReply(responseCode);
    const kind = isTemporary ? "unavailable" : code === "EAUTH" ? "unauthenticated" : "denied";
    return new BkError(kind, `mail: the server answered ${masked(response ?? String(responseCode), hidden)}`, {
      outcome: "none",
      detail,
    });
  }
  if (code === "EMESSAGE" && command === "MAIL FROM") return new BkError("too-large", "mail: the server takes no mail of this size");
  // An address that this server cannot take, such as one with letters beyond ASCII.
  if (code === "EENVELOPE") return new BkError("denied", `mail: ${masked(message, hidden)}`);
  // No connection, or one that was given up before a mail: a certificate that does not hold, no TLS where it is asked for.
  const isEarly =
    notReachedCodes.has(originalCode) || ["EDNS", "ETLS", "EAUTH", "ENOAUTH", "ECONFIG"].includes(code) || isCertificate(message);
  return new BkError("unavailable", `mail: ${masked(message, hidden)}`, { outcome: isEarly ? "none" : "unknown" });
}

export function rejectedRecipients(errors: readonly unknown[] | undefined, hidden: readonly string[]): RejectedRecipient[] {
  return (errors ?? []).map((error) => {
    const { recipient = "", response = "", responseCode = 500 } = error as SmtpFault;
    return { address: recipient, reason: masked(response, hidden), isTemporary: isTemporaryReply(responseCode) };
  });
}

/** RFC 5321, 4.2.1: 5yz is for good. 503 is of the conversation, not of the mail. */
const isTemporaryReply = (code: number): boolean => code < 500 || code === 503;

const isCertificate = (message: string): boolean => /certificate|altnames/i.test(message);

function masked(text: string, hidden: readonly string[]): string {
  // The longest first: one may be a part of another.
  const longer = hidden.filter((each) => each.length > 2).sort((one, other) => other.length - one.length);
  const plain = longer.reduce((rest, each) => rest.replaceAll(each, "***"), text);
  return plainText(plain.replaceAll(/\s+/g, " ").trim(), 300);
}
