// Where reports go: the console, a table, a web address, a mailbox.

import { randomUUID } from "node:crypto";

import { BkError } from "@bk/core";
import { openDb, type TableDefinitions } from "@bk/db";
import { mailer } from "@bk/modules/mail";

import { databaseOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import type { Report } from "./report.js";
import type { ReportTarget } from "./report-target.js";

/** The table of `table:`. */
export const logReportTable = {
  bk_log_report: {
    channel: { primary: 1, maxLength: 60 },
    at: { type: "timestamp", primary: 2 },
    id: { primary: 3, maxLength: 40 },
    host: {},
    app: {},
    subject: {},
    text: { type: "text" },
    count: { type: "int" },
  },
} as const satisfies TableDefinitions;

const timeoutMs = 10_000;

/** @throws BkError when it was not taken; the message names no address: those of web hooks are secret */
export async function sendReport(target: ReportTarget, report: Report, configuration: Configuration): Promise<void> {
  switch (target.kind) {
    case "console":
      process.stdout.write(`${report.subject}\n${report.text}\n`);
      return;
    case "table":
      return toTable(report, configuration);
    case "web":
      return toWeb(target, report);
    case "mail":
      return toMail(target.to, report, configuration);
  }
}

async function toTable({ channel, host, app, subject, text, count }: Report, configuration: Configuration): Promise<void> {
  const place = databaseOf(configuration);
  await using db = await openDb({ ...(typeof place === "string" ? { url: place } : place), tables: logReportTable });
  await db.sync();
  await db.add("bk_log_report", { channel, at: new Date(), id: randomUUID(), host, app, subject, text, count });
}

async function toWeb({ url, isSlack }: ReportTarget & { readonly kind: "web" }, report: Report): Promise<void> {
  // Slack shows three characters as marks; a text has to be no mention of everybody.
  const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const body = isSlack
    ? { text: `*${escaped(report.subject)}*\n\`\`\`\n${escaped(report.text).replaceAll("```", "'''")}\n\`\`\`` }
    : report;
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    const why = (error as Error).name === "TimeoutError" ? "does not answer" : "cannot be reached";
    throw new BkError("unavailable", `${new URL(url).host} ${why}`);
  });
  await reply.body?.cancel();
  if (!reply.ok) throw new BkError("unavailable", `${new URL(url).host} answers ${reply.status}`);
}

async function toMail(to: string, { subject, text }: Report, { mailTransport, mailFrom }: Configuration): Promise<void> {
  const { send } = await mailer({ transport: mailTransport!, from: mailFrom! });
  await send({ to, subject, text });
}
