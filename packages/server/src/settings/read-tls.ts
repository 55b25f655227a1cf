// Where the server listens, and what it speaks TLS with, as its settings and their files say.

import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";

import type { Config } from "../config/config.js";
import { invalidSetting } from "../config/errors.js";
import type { Place } from "../processes/ports.js";
import { type TlsMaterial, tlsOptions } from "../tls/material.js";
import { readSettingFile } from "./read-setting-file.js";
import type { allSettings } from "./settings.js";

type Settings = Pick<Config<typeof allSettings>, "get" | "has">;

const needCertificate = ["tls-port", "tls-host", "tls-key", "tls-passphrase", "tls-ca", "tls-crl", "tls-hsts"] as const;

/**
 * The one with TLS first, where there is one.
 *
 * @throws SettingsError for settings that need others, and a port that is given twice
 */
export function placesOf(config: Settings): readonly Place[] {
  const plain: Place = { port: config.get("port"), host: config.get("host"), isTls: false };
  if (!config.has("tls-cert") && !config.has("tls-pfx")) {
    const lone = config.get("tls-client-cert") === "none" ? needCertificate.find((name) => config.has(name)) : "tls-client-cert";
    if (lone !== undefined) throw invalidSetting(lone, `${lone} needs tls-cert and tls-key, or tls-pfx`);
    if (config.get("tls-redirect") !== false && config.get("trusted-proxies").length === 0)
      throw invalidSetting("tls-redirect", "tls-redirect needs tls-cert, or trusted-proxies that say how requests came");
    return [plain];
  }
  if (config.has("tls-pfx") && (config.has("tls-cert") || config.has("tls-key")))
    throw invalidSetting("tls-pfx", "give either tls-pfx, or tls-cert and tls-key");
  if (config.has("tls-cert") && !config.has("tls-key")) throw invalidSetting("tls-key", "tls-key is missing: the key of tls-cert");
  if (config.get("tls-client-cert") !== "none" && !config.has("tls-ca"))
    throw invalidSetting("tls-ca", "tls-client-cert needs tls-ca: without it whoever has bought a certificate would count");
  const secure: Place = { port: config.get("tls-port"), host: config.get("tls-host") ?? config.get("host"), isTls: true };
  if (secure.port === 0 && config.get("tls-redirect") === true)
    throw invalidSetting("tls-redirect", "tls-redirect must be a port where tls-port takes a free one");
  if (!config.has("port")) return [secure];
  if (plain.port !== 0 && plain.port === secure.port && meet(plain.host, secure.host))
    throw invalidSetting("tls-port", `tls-port and port are both ${plain.port}; each needs one of its own`);
  return [secure, plain];
}

/** Whether one port cannot be open at both. */
const meet = (one: string, other: string): boolean => one === other || [one, other].some((host) => host === "0.0.0.0" || host === "::");

/** The port of `https://` that requests without TLS are sent to; undefined: they are not. */
export function redirectPortOf(config: Settings): number | undefined {
  const wanted = config.get("tls-redirect");
  return wanted === false ? undefined : wanted === true ? config.get("tls-port") : wanted;
}

/** Every file that TLS is spoken with. */
export function tlsFiles(config: Settings): string[] {
  const one = ["tls-cert", "tls-key", "tls-pfx"] as const;
  const several = ["tls-ca", "tls-crl"] as const;
  return [...one.flatMap((name) => config.get(name) ?? []), ...several.flatMap((name) => config.get(name) ?? [])];
}

export interface ReadTls {
  readonly material: TlsMaterial;
  /** When the certificate ends, for people. */
  readonly validTo: string | undefined;
  /** What is wrong with it for the moment. */
  readonly warning: string | undefined;
}

/**
 * Reads the files, and tries whether they fit each other.
 *
 * @throws SettingsError naming the setting that is missing, or whose file cannot be read or used; what is in it is not told
 */
export function readTls(config: Settings): ReadTls {
  // Settings may have changed since the start.
  if (!placesOf(config)[0]!.isTls) throw invalidSetting("tls-cert", "neither tls-cert nor tls-pfx is given any more");
  const one = (name: "tls-cert" | "tls-key" | "tls-pfx", encoding?: BufferEncoding): string | undefined => {
    const file = config.get(name);
    return file === undefined ? undefined : readSettingFile(name, file, encoding);
  };
  const all = (name: "tls-ca" | "tls-crl"): readonly string[] | undefined => config.get(name)?.map((file) => readSettingFile(name, file));
  const material: TlsMaterial = {
    cert: one("tls-cert"),
    key: one("tls-key"),
    pfx: one("tls-pfx", "base64"),
    passphrase: config.get("tls-passphrase"),
    ca: all("tls-ca"),
    crl: all("tls-crl"),
    ciphers: config.get("tls-ciphers"),
    minVersion: `TLSv${config.get("tls-min-version")}`,
    clientCert: config.get("tls-client-cert"),
    ticketKeys: randomBytes(48).toString("base64"),
  };
  const certificate = tried(material);
  return { material, validTo: certificate?.validTo, warning: certificate === undefined ? undefined : warningOf(certificate) };
}

/** Tries each part by itself, so that what is wrong has a name, and then the whole. Gives the certificate, where it can be told. */
function tried(material: TlsMaterial): X509Certificate | undefined {
  const { cert, key, passphrase, ca = [], crl = [], ciphers } = material;
  attempt("tls-ciphers", "names no cipher that there is", () => createSecureContext({ ciphers }));
  for (const each of ca) attempt("tls-ca", "is no certificate as PEM", () => new X509Certificate(each));
  attempt("tls-crl", "is no list of certificates as PEM", () => createSecureContext({ crl: [...crl] }));
  const whole = (): SecureContext => createSecureContext(tlsOptions(material));
  if (cert === undefined || key === undefined) {
    const why = passphrase === undefined ? "it needs tls-passphrase" : "tls-passphrase is that of another one";
    const { context } = attempt("tls-pfx", `cannot be read: it is no PKCS #12, or ${why}`, whole);
    // It is there for what staples replies of OCSP; without it nothing can be told of the time.
    const der = (context as { getCertificate?(): Buffer | null }).getCertificate?.();
    return der ? new X509Certificate(der) : undefined;
  }
  const certificate = attempt("tls-cert", "is no certificate as PEM", () => new X509Certificate(cert));
  const isLocked = key.includes("ENCRYPTED");
  if (isLocked && passphrase === undefined) throw invalidSetting("tls-passphrase", "tls-key is encrypted: it needs tls-passphrase");
  const [setting, problem] = isLocked ? ["tls-passphrase", "does not open tls-key"] : ["tls-key", "is no private key as PEM"];
  const opened = attempt(setting, problem, () => createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) }));
  if (!certificate.checkPrivateKey(opened)) throw invalidSetting("tls-key", "tls-key is not the key of tls-cert");
  attempt("tls-cert", "cannot be used", whole);
  return certificate;
}

function warningOf({ validFrom, validTo }: X509Certificate): string | undefined {
  if (Date.parse(validTo) < Date.now()) return `the certificate for TLS has expired, on ${validTo}: clients refuse it`;
  return Date.parse(validFrom) > Date.now() ? `the certificate for TLS counts from ${validFrom}: until then clients refuse it` : undefined;
}

function attempt<T>(setting: string, problem: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw invalidSetting(setting, `${setting} ${problem}`, cause);
  }
}
