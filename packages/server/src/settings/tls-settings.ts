// TLS, as settings: that of the server's own port, and what it needs to be spoken.

import { defineConfig, integer, oneOf, type OptionType, string } from "@bk/core";

import { bool, duration, words } from "../config/value-types.js";

const group = "TLS";

const port = integer({ max: 65_535 });

const flagOrPort: OptionType<boolean | number> = {
  mustBe: `${bool.mustBe}, or a port`,
  read: (given) => bool.read(given) ?? port.read(given),
};

export const tlsSettings = defineConfig({
  "tls-cert": {
    value: "file",
    type: string(),
    aliases: ["ssl-cert"],
    live: true,
    help: "the certificate as PEM, and behind it those that lead to an authority; with it or tls-pfx the server speaks HTTPS",
    group,
  },
  "tls-key": { value: "file", type: string(), aliases: ["ssl-key"], live: true, help: "the key of the certificate, as PEM", group },
  "tls-pfx": {
    value: "file",
    type: string(),
    aliases: ["ssl-pfx"],
    live: true,
    help: "certificate and key in one file, as PKCS #12, in place of both",
    group,
  },
  "tls-passphrase": {
    value: "text",
    type: string(),
    aliases: ["ssl-passphrase"],
    secret: true,
    live: true,
    help: "opens tls-key or tls-pfx; better given as BK_TLS_PASSPHRASE_FILE",
    group,
  },
  "tls-port": {
    value: "number",
    type: port,
    default: 443,
    aliases: ["ssl-port"],
    help: "where HTTPS is served; the port of plain HTTP is open beside it where port is given, too. 0 takes a free one",
    group,
  },
  "tls-host": {
    value: "address",
    type: string(),
    aliases: ["ssl-bind"],
    shownDefault: "that of host",
    help: "the address of that port",
    group,
  },
  "tls-min-version": {
    value: "version",
    type: oneOf(["1.2", "1.3"]),
    default: "1.2",
    live: true,
    help: "the lowest version of TLS that clients may speak",
    group,
  },
  "tls-ciphers": {
    value: "list",
    type: string(),
    aliases: ["ssl-ciphers"],
    live: true,
    shownDefault: "those of Node",
    help: "ciphers as OpenSSL writes them, the best first",
    group,
  },
  "tls-client-cert": {
    value: "who",
    type: oneOf(["none", "request", "require"]),
    default: "none",
    help: "certificates of clients: none, they are not asked; request, one that is shown must be of tls-ca; require, each must show one",
    group,
  },
  "tls-ca": {
    value: "files",
    type: words(),
    aliases: ["ssl-ca"],
    live: true,
    help: "certificates of the authorities whose clients count, as PEM",
    group,
  },
  "tls-crl": {
    value: "files",
    type: words(),
    aliases: ["ssl-crl"],
    live: true,
    help: "lists of certificates of clients that were taken back, as PEM, one of each authority",
    group,
  },
  "tls-redirect": {
    value: "flag or port",
    type: flagOrPort,
    default: false,
    help: "sends whoever comes without TLS to https:// of the same host by 308, health checks and challenges of ACME apart: at tls-port, or at the port that is given, such as 443 in front of a container; also those whose trusted proxy says http",
    group,
  },
  "tls-hsts": {
    value: "time",
    type: duration({ max: Number.MAX_SAFE_INTEGER }),
    default: 0,
    help: "how long browsers ask this host by HTTPS alone (Strict-Transport-Security), such as 180d; 0: they are not told",
    group,
  },
});
