// @bk/modules/mail: sending mails, at once or through a queue.

export { type MailAddress } from "./mail-address.js";
export { type MailAttachment, type MailMessage } from "./mail-message.js";
export { type DkimOptions } from "./mail-transport.js";
export { type Mailer, mailer, type MailerOptions, mailJob, type SendOptions, type SentMail } from "./mailer.js";
export { type RejectedRecipient } from "./smtp-error.js";
