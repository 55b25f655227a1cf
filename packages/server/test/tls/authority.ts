// An authority of a test's own, and what it has signed: keys and certificates as files, made by openssl.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { onPath } from "../../../../test/services/on-path.js";

const openssl = onPath("openssl");
export const hasOpenssl = openssl !== undefined;

/** A certificate and its key, as paths. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export class Authority {
  readonly folder: string;
  /** Its own certificate, as a path. */
  readonly ca: string;

  constructor(folder: string) {
    this.folder = folder;
    this.ca = this.file("ca.pem");
    const settings = `[ca]\ndefault_ca=own\n[own]\ndatabase=${this.file("index")}\ncrlnumber=${this.file("crlnumber")}\ncertificate=${this.ca}\nprivate_key=${this.file("ca.key")}\ndefault_md=sha256\ndefault_crl_days=30\n`;
    writeFileSync(this.file("ca.conf"), settings);
    writeFileSync(this.file("index"), "");
    writeFileSync(this.file("crlnumber"), "01\n");
    this.#run(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      this.file("ca.key"),
      "-out",
      this.ca,
      "-subj",
      "/CN=authority of a test",
      "-days",
      "30",
    );
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** What clients trust. */
  get pem(): string {
    return readFileSync(this.ca, "utf8");
  }

  /** A certificate of localhost and 127.0.0.1, also for clients. @param days  how long it counts; -1: it has ended */
  sign(name: string, days = 30): Pair {
    const pair = { cert: this.file(`${name}.pem`), key: this.file(`${name}.key`) };
    const request = this.file(`${name}.csr`);
    this.#run("req", "-new", ...newKey, "-keyout", pair.key, "-out", request, "-subj", `/CN=${name}`);
    writeFileSync(this.file("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    const by = ["-CA", this.ca, "-CAkey", this.file("ca.key"), "-CAcreateserial", "-extfile", this.file("names")];
    this.#run("x509", "-req", "-in", request, ...by, "-days", String(days), "-out", pair.cert);
    return pair;
  }

  /** The key encrypted, and both in one file. */
  lock(name: string, { cert, key }: Pair, passphrase: string): { readonly key: string; readonly pfx: string } {
    const locked = { key: this.file(`${name}-locked.key`), pfx: this.file(`${name}.pfx`) };
    this.#run("pkcs8", "-topk8", "-in", key, "-out", locked.key, "-passout", `pass:${passphrase}`);
    this.#run("pkcs12", "-export", "-in", cert, "-inkey", key, "-out", locked.pfx, "-passout", `pass:${passphrase}`);
    return locked;
  }

  /** Takes certificates back; gives the path of the list of them. */
  revoke(...pairs: readonly Pair[]): string {
    for (const { cert } of pairs) this.#run("ca", "-config", this.file("ca.conf"), "-revoke", cert);
    this.#run("ca", "-config", this.file("ca.conf"), "-gencrl", "-out", this.file("crl.pem"));
    return this.file("crl.pem");
  }

  #run(...args: readonly string[]): void {
    execFileSync(openssl!, [...args], { stdio: "pipe" });
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
