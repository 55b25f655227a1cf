// What TLS is spoken with.

import type { TlsOptions } from "node:tls";

/** As JSON, so that a primary can hand it to its processes. Files are as they were read, `pfx` in base64. */
export interface TlsMaterial {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly pfx?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly ca?: readonly string[] | undefined;
  readonly crl?: readonly string[] | undefined;
  readonly ciphers?: string | undefined;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly clientCert: "none" | "request" | "require";
  /** In base64: processes that share it take each other's sessions up again. */
  readonly ticketKeys: string;
}

/** The same as Node takes it. */
export function tlsOptions({ pfx, ca, crl, ticketKeys, clientCert, ...others }: TlsMaterial): TlsOptions {
  return {
    ...others,
    pfx: pfx === undefined ? undefined : Buffer.from(pfx, "base64"),
    ca: ca === undefined ? undefined : [...ca],
    crl: crl === undefined ? undefined : [...crl],
    ticketKeys: Buffer.from(ticketKeys, "base64"),
    requestCert: clientCert !== "none",
    rejectUnauthorized: clientCert === "require",
  };
}
