// JSON Web Tokens by which a server proves to a push service who it is (RFC 7515, 7519).

import { createPrivateKey, type KeyObject, sign } from "node:crypto";

import { invalid } from "../common/failures.js";

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A private key in PEM, of the type that an algorithm takes. @throws BkError `invalid` without a word of the key */
export function privateKeyOf(pem: unknown, type: "ec" | "rsa", field: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem as string);
  } catch {
    throw invalid(`${field} is no private key in PEM`, field);
  }
  if (key.asymmetricKeyType !== type) throw invalid(`${field} is no private key of type ${type}`, field);
  return key;
}

export function signedToken(key: KeyObject, algorithm: "ES256" | "RS256", header: object, claims: object): string {
  const text = `${part({ alg: algorithm, typ: "JWT", ...header })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
