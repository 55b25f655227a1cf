// What a mailer promises, on mail servers in this process.

import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Log, systemClock } from "@bk/core";
import { defineJobs, openQueue, type Queue } from "@bk/queue";
import { describe, expect, it } from "vitest";

import { mailer, type MailerOptions, mailJob, type MailMessage } from "../../src/mail/index.js";
import { certificate, certificateKey } from "../certificate.js";
import { reply, startSmtp } from "./start-smtp.js";
import { holdsDkim } from "./verify-dkim.js";

const from = "App <app@example.com>";
const hello: MailMessage = { to: "ann@example.com", subject: "Hello", text: "How are you?" };
const at = (port: number, query = ""): string => `smtp://127.0.0.1:${port}${query}`;
const open = (transport: string, more: Partial<MailerOptions> = {}) => mailer({ transport, from, ...more });
/** What a mail says in a header; folded lines are one. */
const header = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}: ((?:.*)(?:\\r\\n[ \\t].*)*)`, "im").exec(text)?.[1]?.replaceAll(/\r\n[ \t]/g, " ");
const quick = { backoff: { delayMs: 0 }, closeTimeoutMs: 1000 } as const;
const openMailQueue = (): Promise<Queue> => openQueue("local:", { name: "mail" });

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  await using server = await startSmtp();
  return server.port;
}

/** A log that keeps its lines. */
function kept(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields: object = {}): void => void lines.push(message + JSON.stringify(fields));
  return { lines, log: { debug: write, info: write, warn: write, error: write } };
}

describe("a mailer without a queue", () => {
  it("sends to everybody, with bcc in no header, and other letters and attachments as they were", async () => {
    await using server = await startSmtp();
    const mail = await open(at(server.port));
    const sent = await mail.send({
      to: ["Änn <ann@example.com>", { name: 'Bob "B" <x>', address: "bob@exämple.com" }],
      cc: "cat@example.com",
      bcc: "dan@example.com",
      replyTo: "help@example.com",
      subject: "Grüße",
      text: "Wie geht's?",
      html: "<p>Wie geht's?</p>",
      attachments: [
        { filename: "a.txt", content: "ä" },
        { filename: "b.bin", content: Uint8Array.of(0, 255, 13, 10), contentType: "application/x-own" },
      ],
    });
    expect(sent).toMatchObject({ isQueued: false, isDuplicate: false, rejected: [] });
    const [{ to, text, from: sender } = { to: [], text: "", from: "" }] = server.received;
    // The server shows domains as people read them; what it was sent is in the header.
    expect(to).toEqual(["ann@example.com", "bob@exämple.com", "cat@example.com", "dan@example.com"]);
    expect(sender).toBe("app@example.com");
    expect(text).not.toContain("dan@");
    expect(header(text, "message-id")).toBe(sent.id);
    expect(header(text, "to")!.match(/<[^>]*>/g)).toContain("<bob@xn--exmple-cua.com>");
    expect(header(text, "reply-to")).toBe("help@example.com");
    expect(text).toContain("AP8NCg==");
    expect(text).toContain("application/x-own");
  });

  const injections: [string, Partial<MailMessage> | object, string][] = [
    ["a line break in the subject", { subject: "x\r\nBcc: eve@example.com" }, "subject"],
    ["one alone in the subject", { subject: "x\nBcc: eve@example.com" }, "subject"],
    ["a line separator of Unicode", { subject: "x\u2028y" }, "subject"],
    ["a line break in a name", { to: { name: "x\r\nBcc: eve@example.com", address: "a@b.c" } }, "to"],
    ["a line break in an address", { to: "ann@example.com\r\nRCPT TO:<eve@example.com>" }, "to"],
    ["a second address in an address", { to: "ann@example.com,eve@example.com" }, "to"],
    ["a quoted local part", { to: '"ann@evil.example x"@example.com' }, "to"],
    ["an address in a name's brackets", { to: "<eve@example.com> <ann@example.com>" }, ""],
    ["a NUL", { cc: "ann\0@example.com" }, "cc"],
    ["an address without a domain", { bcc: ["ann"] }, "bcc"],
    ["a domain of other characters", { to: "ann@exa mple.com" }, "to"],
    ["a line break in who it is from", { from: "x\n<a@b.c>" }, "from"],
    ["a line break in a file name", { attachments: [{ filename: "a\r\nX: y", content: "" }] }, "attachments"],
    ["a folder in a file name", { attachments: [{ filename: "../a", content: "" }] }, "attachments"],
    ["a line break in a media type", { attachments: [{ filename: "a", content: "", contentType: "text/plain\r\nX: y" }] }, "attachments"],
    ["a file to read", { attachments: [{ filename: "a", content: "", path: "/etc/passwd" }] }, "attachments"],
    ["an object in place of bytes", { attachments: [{ filename: "a", content: { path: "/etc/passwd" } }] }, "attachments"],
    ["an object in place of a text", { text: { path: "/etc/passwd" } }, "text"],
    ["headers of its own", { headers: { bcc: "eve@example.com" } }, "headers"],
    ["a further envelope", { envelope: { to: "eve@example.com" } }, "envelope"],
    ["nobody", { to: [] }, "to"],
    ["nothing to read", { text: undefined }, "text"],
  ];
  it.each(injections)("refuses %s", async (_what, wrong, field) => {
    const mail = await open("json:");
    const sent = mail.send({ ...hello, ...wrong });
    if (field === "") {
      // What looks like an address in a name is a name.
      const { envelope } = JSON.parse((await sent).json!) as { envelope?: unknown };
      expect(envelope).toBeUndefined();
      return;
    }
    await expect(sent).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });

  it("refuses more recipients and bytes than its limits say", async () => {
    const mail = await open("json:", { maxRecipients: 2, maxBytes: 10 });
    const many = ["a@b.c", "b@b.c"];
    await expect(mail.send({ ...hello, to: many, cc: "c@b.c", text: "" })).rejects.toMatchObject({
      code: "too-large",
      detail: { field: "to" },
    });
    await expect(mail.send({ ...hello, to: many, text: "12345678901" })).rejects.toMatchObject({
      code: "too-large",
      detail: { field: "text" },
    });
    const content = Buffer.from("12345").toString("base64");
    const attachments = [{ filename: "a", content, encoding: "base64" as const }];
    expect(await mail.send({ ...hello, to: many, text: "12345", attachments })).toMatchObject({ isQueued: false });
    await expect(mail.send({ ...hello, text: "123456", attachments })).rejects.toMatchObject({ code: "too-large" });
  });

  it("logs in over TLS that the server begins with STARTTLS, and over TLS from the start", async () => {
    const tls = { key: certificateKey, cert: certificate };
    const onAuth: NonNullable<Parameters<typeof startSmtp>[1]>["onAuth"] = ({ username, password }, _session, callback) =>
      username === "ann" && password === "p@ss/word" ? callback(null, { user: username }) : callback(new Error("no"));
    for (const secure of [false, true]) {
      await using server = await startSmtp({}, { ...tls, secure, authOptional: false, onAuth });
      const place = `smtp${secure ? "s" : ""}://ann:p%40ss%2Fword@localhost:${server.port}`;
      await (await open(place, { ca: certificate })).send(hello);
      expect(server.received).toMatchObject([{ secure: true, user: "ann" }]);
      // A certificate of somebody unknown.
      await expect((await open(place)).send(hello)).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    }
  });

  it("sends no password over a connection without TLS, unless it is told to", async () => {
    let asked = 0;
    const onAuth = (_auth: unknown, _session: unknown, callback: (error: null, reply: { user: string }) => void): void => {
      asked++;
      callback(null, { user: "ann" });
    };
    await using server = await startSmtp({}, { disabledCommands: ["STARTTLS"], allowInsecureAuth: true, onAuth });
    const place = `smtp://ann:secret@127.0.0.1:${server.port}`;
    await expect((await open(place)).send(hello)).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    expect(asked).toBe(0);
    await (await open(`${place}?tls=none`)).send(hello);
    expect(asked).toBe(1);
  });

  it("tells of a wrong password without the password, the user or the URL", async () => {
    const onAuth = (_auth: unknown, _session: unknown, callback: (error: Error) => void): void =>
      callback(reply(535, `5.7.8 wrong: hunter2secret of annlogin, ${Buffer.from("\0annlogin\0hunter2secret").toString("base64")}`));
    await using server = await startSmtp({}, { disabledCommands: ["STARTTLS"], allowInsecureAuth: true, onAuth });
    const mail = await open(`smtp://annlogin:hunter2secret@127.0.0.1:${server.port}?tls=none`);
    const error = await mail.send(hello).then(
      () => undefined,
      (each: Error) => each,
    );
    expect(error).toMatchObject({
      code: "unauthenticated",
      message: "mail: the server answered 535 5.7.8 wrong: *** of ***, ***",
      detail: { smtpCode: 535 },
    });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/hunter2|annlogin/);
    expect(String((error as { cause?: unknown }).cause ?? "")).toBe("");
  });

  it("tells what the server says, for now and for good, without addresses", async () => {
    await using server = await startSmtp({
      onMail: ({ text }) => (text.includes("later") ? reply(451, "4.7.1 later") : reply(552, "5.3.4 no, app@example.com")),
    });
    const mail = await open(at(server.port));
    await expect(mail.send({ ...hello, text: "later" })).rejects.toMatchObject({
      code: "unavailable",
      outcome: "none",
      detail: { smtpCode: 451 },
    });
    const forGood = { code: "denied", message: "mail: the server answered 552 5.3.4 no, ***", detail: { smtpCode: 552 } };
    await expect(mail.send(hello)).rejects.toMatchObject(forGood);
  });

  it("gives those whom the server did not take the mail for", async () => {
    await using server = await startSmtp({
      onRcpt: (address) => (address === "bob@example.com" ? reply(550, "5.1.1 no bob@example.com here") : undefined),
    });
    const { rejected } = await (await open(at(server.port))).send({ ...hello, cc: "bob@example.com" });
    expect(rejected).toEqual([{ address: "bob@example.com", reason: "550 5.1.1 no *** here", isTemporary: false }]);
    expect(server.received.map(({ to }) => to)).toEqual([["ann@example.com"]]);
  });

  it("is `unavailable` when the server is away, breaks off or says nothing, and tells whether the mail may have gone", async () => {
    const away = await open(at(await freePort()));
    await expect(away.send(hello)).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    await using cutting = await startSmtp({ onMail: () => "cut" });
    await expect((await open(at(cutting.port))).send(hello)).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
    await using silent = await startSmtp({}, { disabledCommands: ["AUTH", "STARTTLS"], onConnect: () => undefined });
    await expect((await open(at(silent.port, "?timeoutMs=100"))).send(hello)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("ends with its signal", async () => {
    await using silent = await startSmtp({}, { disabledCommands: ["AUTH", "STARTTLS"], onConnect: () => undefined });
    const end = new AbortController();
    const sent = (await open(at(silent.port))).send(hello, { signal: end.signal });
    end.abort();
    await expect(sent).rejects.toMatchObject({ code: "cancelled" });
  });

  it("sends as many mails at a time as it may have connections", async () => {
    let now = 0;
    let most = 0;
    const options = {
      disabledCommands: ["AUTH", "STARTTLS"],
      onConnect: (_session: unknown, callback: () => void) => {
        most = Math.max(most, ++now);
        setTimeout(callback, 5);
      },
      onClose: () => void now--,
    };
    await using server = await startSmtp({}, options);
    const mail = await open(at(server.port, "?connections=2"));
    await Promise.all(Array.from({ length: 10 }, () => mail.send(hello)));
    expect(server.received).toHaveLength(10);
    // One that ends may still be open when the next begins.
    expect(most).toBeLessThanOrEqual(4);
  });

  it("signs for its domain, so that the receiver can check it", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    await using server = await startSmtp();
    const mail = await open(at(server.port), { dkim: { domain: "example.com", selector: "k1", privateKey } });
    await mail.send({ ...hello, subject: "Grüße  an alle", html: "<p>x</p>  \r\n\r\n" });
    const { text = "" } = server.received[0] ?? {};
    const { holds, tags } = holdsDkim(text, publicKey);
    expect([tags.get("d"), tags.get("s"), tags.get("a")]).toEqual(["example.com", "k1", "rsa-sha256"]);
    expect(tags.get("h")!.toLowerCase().split(":")).toEqual(expect.arrayContaining(["from", "to", "subject"]));
    expect(holds).toBe(true);
    expect(holdsDkim(text.replace("x</p>", "y</p>"), publicKey).holds).toBe(false);
  });

  it("writes files that others on the machine cannot read, each whole", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bk-mail-"));
    try {
      const mail = await open(`file:${folder}/new/mails`);
      await Promise.all([1, 2, 3].map((i) => mail.send({ ...hello, text: `mail ${i}` })));
      const files = readdirSync(`${folder}/new/mails`);
      expect(files.every((name) => name.endsWith(".eml"))).toBe(true);
      expect(files.map((name) => /mail \d/.exec(readFileSync(join(folder, "new/mails", name), "utf8"))?.[0]).sort()).toEqual([
        "mail 1",
        "mail 2",
        "mail 3",
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("gives what it would have sent", async () => {
    const { json } = await (await open("json:")).send({ ...hello, bcc: "eve@example.com" });
    expect(JSON.parse(json!)).toMatchObject({ subject: "Hello", text: "How are you?", to: [{ address: "ann@example.com" }] });
  });

  it.each([
    ["ftp://x", "transport"],
    ["smtp:", "transport"],
    ["smtp://a,b", "transport"],
    ["smtp://ann@host", "transport"],
    ["smtp://host?tls=maybe", "transport"],
    ["smtp://host?secret=1", "transport"],
    ["file:", "transport"],
    ["no url", "url"],
  ])("refuses the transport %s when it is opened", async (transport, field) => {
    await expect(open(transport)).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });

  it("refuses what is for a queue", async () => {
    const mail = await open("json:");
    await expect(mail.send(hello, { key: "1" })).rejects.toMatchObject({ code: "invalid", detail: { field: "key" } });
    expect(() => mail.work()).toThrow(expect.objectContaining({ code: "invalid" }) as Error);
  });
});

describe("a mailer with a queue", () => {
  it("sends once it works, with the date at which it was given", async () => {
    await using queue = await openMailQueue();
    await using server = await startSmtp();
    const clock = { ...systemClock, now: () => Date.UTC(2020, 1, 3) };
    const mail = await open(at(server.port), { queue, clock });
    const sent = await mail.send({ ...hello, attachments: [{ filename: "b.bin", content: Uint8Array.of(0, 255) }] });
    expect(sent).toMatchObject({ isQueued: true, isDuplicate: false });
    expect(server.received).toEqual([]);
    await mail.work(quick);
    await queue.idle();
    expect(server.received).toHaveLength(1);
    expect(server.received[0]!.text).toContain("AP8=");
    expect(header(server.received[0]!.text, "date")).toContain("03 Feb 2020");
  });

  it("adds a mail once by its key while it waits", async () => {
    await using queue = await openMailQueue();
    await using server = await startSmtp();
    const mail = await open(at(server.port), { queue });
    const [first, second, other] = [
      await mail.send(hello, { key: "welcome ännie" }),
      await mail.send(hello, { key: "welcome ännie" }),
      await mail.send(hello, { key: "welcome bob" }),
    ];
    expect([first.isDuplicate, second.isDuplicate, other.isDuplicate]).toEqual([false, true, false]);
    expect(second.id).toBe(first.id);
    await mail.work(quick);
    await queue.idle();
    expect(server.received).toHaveLength(2);
  });

  it("tries again what the server does not take for now, with the same Message-ID", async () => {
    await using queue = await openMailQueue();
    const ids: (string | undefined)[] = [];
    const onMail = ({ text }: { text: string }): Error | undefined => (
      ids.push(header(text, "message-id")),
      ids.length < 3 ? reply(451, "4.7.1 later") : undefined
    );
    await using server = await startSmtp({ onMail });
    const mail = await open(at(server.port), { queue });
    await mail.send(hello);
    await mail.work(quick);
    await queue.idle();
    expect(server.received).toHaveLength(1);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect((await queue.stats()).dead).toBe(0);
  });

  it("tries again when the connection is cut in the middle, and when the server was away", async () => {
    await using queue = await openMailQueue();
    let cuts = 0;
    const port = await freePort();
    const mail = await open(at(port), { queue });
    await mail.send(hello);
    let failures = 0;
    queue.on("failed", () => void failures++);
    await mail.work({ ...quick, maxAttempts: 1000, backoff: { delayMs: 5, factor: 1 } });
    while (failures === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await using server = await startSmtp({ onMail: () => (cuts++ < 2 ? "cut" : undefined) }, undefined, port);
    await queue.idle();
    expect(server.received).toHaveLength(1);
    expect(cuts).toBe(3);
  });

  it("puts aside at once what the server never takes, and says why", async () => {
    await using queue = await openMailQueue();
    let tried = 0;
    await using server = await startSmtp({ onMail: () => (tried++, reply(554, "5.7.1 spam")) });
    const mail = await open(at(server.port), { queue });
    await mail.send(hello);
    await mail.work(quick);
    await queue.idle();
    const { rows } = await queue.dead.list();
    expect(rows).toMatchObject([{ attempts: 1, error: "GiveUp: mail: the server answered 554 5.7.1 spam" }]);
    expect(tried).toBe(1);
  });

  it("sends again to those alone who were not taken, and keeps the others from a second mail", async () => {
    await using queue = await openMailQueue();
    let asked = 0;
    const onRcpt = (address: string): Error | undefined =>
      address === "bob@example.com" && ++asked < 3
        ? reply(450, "4.2.1 full")
        : address === "eve@example.com"
          ? reply(550, "5.1.1 nobody")
          : undefined;
    await using server = await startSmtp({ onRcpt });
    const { log, lines } = kept();
    const mail = await open(at(server.port), { queue, log });
    await mail.send({ ...hello, cc: ["bob@example.com", "eve@example.com"] });
    await mail.work(quick);
    await queue.idle();
    expect(server.received.map(({ to }) => to)).toEqual([["ann@example.com"], ["bob@example.com"]]);
    expect((await queue.dead.list()).rows.map(({ error }) => error)).toEqual(["GiveUp: mail: the server answered 550 5.1.1 nobody"]);
    expect(lines.join()).not.toMatch(/@example/);
  });

  it("runs as a job beside others, and gives up what is no mail", async () => {
    await using queue = await openMailQueue();
    await using server = await startSmtp();
    const mail = await open(at(server.port), { queue });
    const jobs = defineJobs({ [mailJob]: mail.job, other: { run: () => undefined } });
    await mail.send(hello);
    const foreign = { id: "<x@y>", time: 0, mail: { ...hello, text: { path: "/etc/passwd" } } };
    for (const input of [undefined, {}, foreign, { ...foreign, mail: { ...hello, attachments: [] }, only: ["eve@example.com"] }])
      await jobs.submit(queue, mailJob, input);
    await jobs.work(queue, quick);
    await queue.idle();
    expect(server.received).toHaveLength(1);
    const { rows } = await queue.dead.list();
    expect(rows.map(({ error }) => error?.startsWith("GiveUp: the message is no mail"))).toEqual([true, true, true, true]);
  });
});
