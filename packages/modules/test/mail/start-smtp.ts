// A mail server that does as a test says.

import { type AddressInfo, type Socket } from "node:net";

import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
  readonly user: unknown;
}

export interface TestSmtp extends AsyncDisposable {
  readonly port: number;
  readonly received: Received[];
}

/** An error that the server replies as it is, such as `reply(450, "4.2.1 full")`. */
export const reply = (responseCode: number, message: string): Error => Object.assign(new Error(message), { responseCode });

export interface Behaviour {
  /** What it says to a recipient; nothing: it takes them. */
  onRcpt?(address: string): Error | undefined;
  /** What it says to a mail when it was read; `cut` breaks the connection in place of a reply. */
  onMail?(mail: Received): Error | "cut" | undefined;
}

/** @param port  a free one by default */
export async function startSmtp(
  { onRcpt, onMail }: Behaviour = {},
  options: SMTPServerOptions = { disabledCommands: ["AUTH", "STARTTLS"] },
  port = 0,
): Promise<TestSmtp> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    ...options,
    onRcptTo: ({ address }, _session, callback) => callback(onRcpt?.(address)),
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const mail: Received = {
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
          secure: session.secure,
          user: session.user,
        };
        const verdict = onMail?.(mail);
        if (verdict === "cut") return sockets.forEach((socket) => socket.destroy());
        if (verdict === undefined) received.push(mail);
        callback(verdict);
      });
    },
  });
  // A client that gives up in the middle is no fault of the server.
  server.on("error", () => undefined);
  server.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(port, "127.0.0.1", () => resolve()));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
