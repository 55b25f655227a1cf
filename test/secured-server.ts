// Servers that ask for TLS or a password, started for one test file each, with certificates made for them.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:net";

import { choosePorts } from "./services/choose-ports.js";
import { onPath } from "./services/on-path.js";
import { run } from "./services/run.js";
import { isRoot } from "./services/run-as.js";

export interface SecuredServer {
  readonly port: number;
  /** The certificate of who signed the server's, as PEM. */
  readonly ca: string;
  stop(): Promise<void>;
}

/** What they need besides `openssl`. */
export const canSecure = (program: string): boolean => onPath("openssl") !== undefined && onPath(program) !== undefined;

/** Redis over TLS alone, with a password. */
export function securedRedis(password: string): Promise<SecuredServer> {
  return start((folder, port) => {
    const plain = ["--port", "0", "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", "--requirepass", password];
    const tls = ["--tls-port", String(port), "--tls-auth-clients", "no"];
    const pem = ["--tls-cert-file", join(folder, "server.pem"), "--tls-key-file", join(folder, "server.key")];
    return ["redis-server", ...plain, ...tls, ...pem];
  });
}

/** memcached with TLS, or a file of users and passwords, or both. */
export function securedMemcached({ tls, users }: { readonly tls?: boolean; readonly users?: string }): Promise<SecuredServer> {
  return start((folder, port) => {
    if (users !== undefined) writeFileSync(join(folder, "users"), users, { mode: 0o644 });
    const plain = ["-l", "127.0.0.1", "-p", String(port), "-U", "0", "-m", "64", ...(isRoot() ? ["-u", "nobody"] : [])];
    const pem = ["-Z", "-o", `ssl_chain_cert=${join(folder, "server.pem")},ssl_key=${join(folder, "server.key")}`];
    return ["memcached", ...plain, ...(users === undefined ? [] : ["-Y", join(folder, "users")]), ...(tls === true ? pem : [])];
  });
}

async function start(commandIn: (folder: string, port: number) => readonly string[]): Promise<SecuredServer> {
  const folder = mkdtempSync(join(tmpdir(), "bk-secured-"));
  try {
    chmodSync(folder, 0o755);
    await makeCertificate(folder);
    const [port = 0] = await choosePorts(1);
    const [program, ...args] = commandIn(folder, port);
    const server = spawn(onPath(program!) ?? program!, args, { stdio: "ignore" });
    const ended = new Promise<void>((resolve) => void server.once("exit", () => resolve()).once("error", () => resolve()));
    const kill = (): void => void server.kill("SIGKILL");
    process.once("exit", kill);
    const stop = async (): Promise<void> => {
      kill();
      process.off("exit", kill);
      await ended;
      rmSync(folder, { recursive: true, force: true });
    };
    let isGone = false;
    void ended.then(() => (isGone = true));
    for (const deadline = Date.now() + 20_000; !(await accepts(port));) {
      if (!isGone && Date.now() < deadline) continue;
      await stop();
      throw new Error(`${program} does not start`);
    }
    return { port, ca: readFileSync(join(folder, "ca.pem"), "utf8"), stop };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** One who signs, and a certificate of 127.0.0.1 and localhost. */
async function makeCertificate(folder: string): Promise<void> {
  const at = (name: string): string => join(folder, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run(["openssl", "req", "-x509", ...key, "-subj", "/CN=bk test", "-keyout", at("ca.key"), "-out", at("ca.pem")]);
  await run(["openssl", "req", ...key.slice(0, 5), "-subj", "/CN=localhost", "-keyout", at("server.key"), "-out", at("server.csr")]);
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signed = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", at("names")];
  await run(["openssl", "x509", "-req", "-in", at("server.csr"), ...signed, "-out", at("server.pem")]);
  // memcached reads it as another user.
  chmodSync(at("server.key"), 0o644);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => setTimeout(() => resolve(false), 20));
  });
}
