// What a mail is, as programs give it and as it is checked before anything is sent or kept of it.

import { BkError } from "@bk/core";

import { invalid } from "../common/failures.js";
import { headerText, type MailAddress, type Mailbox, mailbox, mailboxes } from "./mail-address.js";

export interface MailAttachment {
  /** Up to 255 characters, without folders. */
  readonly filename: string;
  /** Bytes, or a text. Files and URLs are never read for a mail. */
  readonly content: string | Uint8Array;
  /** Whether `content` is text in base64. */
  readonly encoding?: "base64" | undefined;
  /** Such as `application/pdf`; default by the name. */
  readonly contentType?: string | undefined;
  /** What `html` names it by, as in `<img src="cid:logo">`. */
  readonly cid?: string | undefined;
}

export interface MailMessage {
  readonly to?: MailAddress | readonly MailAddress[] | undefined;
  readonly cc?: MailAddress | readonly MailAddress[] | undefined;
  /** Others do not see them. */
  readonly bcc?: MailAddress | readonly MailAddress[] | undefined;
  /** Default: that of the mailer. */
  readonly from?: MailAddress | undefined;
  readonly replyTo?: MailAddress | undefined;
  /** Up to 500 characters. */
  readonly subject: string;
  /** At least one of `text` and `html`. */
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly attachments?: readonly MailAttachment[] | undefined;
}

/** A mail that was checked, as JSON can hold it. Checking it again gives the same. */
export interface CheckedMail {
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly bcc: readonly Mailbox[];
  readonly from: Mailbox;
  readonly replyTo?: Mailbox | undefined;
  readonly subject: string;
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly attachments: readonly (MailAttachment & { readonly content: string })[];
}

export interface MailLimits {
  /** Addresses in `to`, `cc` and `bcc` together. */
  readonly maxRecipients: number;
  /** Bytes of text, HTML and attachments together. */
  readonly maxBytes: number;
}

const known: ReadonlySet<string> = new Set(["to", "cc", "bcc", "from", "replyTo", "subject", "text", "html", "attachments"]);
const mediaType = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}(; ?charset=[a-z0-9-]{1,40})?$/i;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Checks a mail.
 *
 * @param from  who it is from when it does not say it
 * @throws BkError `invalid` naming the field; `too-large`
 */
export function checkMail(message: MailMessage, from: Mailbox, limits: MailLimits): CheckedMail {
  if (typeof message !== "object" || message === null) throw invalid("a mail is an object with to, subject and text", "message");
  for (const name of Object.keys(message))
    if (!known.has(name)) throw invalid(`a mail has no field ${name.slice(0, 60)}`, name.slice(0, 60));
  const [to, cc, bcc] = [mailboxes(message.to, "to"), mailboxes(message.cc, "cc"), mailboxes(message.bcc, "bcc")];
  const recipients = to.length + cc.length + bcc.length;
  if (recipients === 0) throw invalid("a mail needs someone in to, cc or bcc", "to");
  if (recipients > limits.maxRecipients) throw tooLarge(`the mail has more than ${limits.maxRecipients} recipients`, "to");
  const [text, html] = [bodyOf(message.text, "text"), bodyOf(message.html, "html")];
  if (text === undefined && html === undefined) throw invalid("a mail needs text or html", "text");
  if (message.attachments !== undefined && !Array.isArray(message.attachments)) throw invalid("attachments must be a list", "attachments");
  const attachments = (message.attachments ?? []).map(attachmentOf);
  const bytes =
    Buffer.byteLength(text ?? "") +
    Buffer.byteLength(html ?? "") +
    attachments.reduce((sum, { content, encoding }) => sum + Buffer.byteLength(content, encoding ?? "utf8"), 0);
  if (bytes > limits.maxBytes)
    throw tooLarge(`the mail has more than ${limits.maxBytes} bytes`, attachments.length > 0 ? "attachments" : "text");
  return {
    to,
    cc,
    bcc,
    from: message.from === undefined ? from : mailbox(message.from, "from"),
    ...(message.replyTo === undefined ? {} : { replyTo: mailbox(message.replyTo, "replyTo") }),
    subject: headerText(message.subject, "subject", 500),
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    attachments,
  };
}

/** Everybody whom a mail goes to, once. */
export const recipientsOf = ({ to, cc, bcc }: CheckedMail): string[] => [...new Set([...to, ...cc, ...bcc].map(({ address }) => address))];

function bodyOf(text: unknown, field: string): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== "string") throw invalid(`${field} must be a text`, field);
  return text.toWellFormed();
}

function attachmentOf(given: unknown): CheckedMail["attachments"][number] {
  const field = "attachments";
  if (typeof given !== "object" || given === null) throw invalid("an attachment is an object with filename and content", field);
  const { filename, content, encoding, contentType, cid, ...others } = given as MailAttachment;
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(`an attachment has no field ${other.slice(0, 60)}: its bytes are given in content`, field);
  const name = headerText(filename, field, 255);
  if (name === "" || /[/\\]/.test(name)) throw invalid("the filename of an attachment is empty or names a folder", field);
  if (contentType !== undefined && !(typeof contentType === "string" && mediaType.test(contentType)))
    throw invalid("the contentType of an attachment is none", field);
  if (cid !== undefined && !(typeof cid === "string" && /^[\w.@-]{1,100}$/.test(cid)))
    throw invalid("the cid of an attachment has other characters than letters, digits and _.@-", field);
  if (encoding !== undefined && encoding !== "base64") throw invalid("the encoding of an attachment is base64 or left out", field);
  if (typeof content === "string" && encoding === "base64" && !base64.test(content))
    throw invalid("the content of an attachment is no base64", field);
  if (typeof content !== "string" && !(content instanceof Uint8Array))
    throw invalid("the content of an attachment must be a text or a Uint8Array", field);
  return {
    filename: name,
    ...(typeof content === "string"
      ? { content: content.toWellFormed(), ...(encoding === undefined ? {} : { encoding }) }
      : { content: Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("base64"), encoding: "base64" as const }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(cid === undefined ? {} : { cid }),
  };
}

const tooLarge = (message: string, field: string): BkError => new BkError("too-large", message, { detail: { field } });
