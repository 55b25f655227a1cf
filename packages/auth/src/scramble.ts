import { hmac } from "./digest.js";
import { invalid } from "./errors.js";

const edges = /^[\s\p{Cc}]+|[\s\p{Cc}]+$/gu;

/**
 * Turns what a person typed into the secret that signs: base64 HMAC-SHA256 of the login, keyed by the typed secret.
 *
 * Browser clients do this before they register and before they sign, so that the typed secret stays with its person.
 * Space and control characters around both are left out.
 *
 * @throws AuthError `invalid` when either is empty
 */
export async function scrambleSecret(login: string, secret: string): Promise<string> {
  const [message, key] = [login.replace(edges, ""), secret.replace(edges, "")];
  if (message === "") throw invalid("login", "is empty");
  if (key === "") throw invalid("secret", "is empty");
  return hmac("SHA-256", key, message);
}
