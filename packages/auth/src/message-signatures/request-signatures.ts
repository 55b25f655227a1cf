// Message signatures as a way to authenticate requests: what they must cover, which key they are by, and what the key may do.
import { invalid } from "../errors.js";
import { hasBytes, type Incoming } from "../incoming.js";
import type { RefusalReason } from "../refusal.js";
import type { ProofRefused, ReadSignature, RequestProof, RequestVerifier } from "../request-verifier.js";
import { type AccountKey, type AccountKeys, isKeyId } from "./account-keys.js";
import type { FieldType } from "./components.js";
import { checkContentDigest } from "./content-digest.js";
import { compileScopes } from "./key-scopes.js";
import { fieldLines, type RequestMessage } from "./message.js";
import { type VerifyingKey, verifyText } from "./message-key.js";
import { signatureBase } from "./signature-base.js";
import { base64Of } from "./structured-fields.js";
import {
  coveredBy,
  endOf,
  findSignature,
  type FoundSignature,
  type SelectOptions,
  type SignatureFault,
  timeFault,
  type TimeOptions,
} from "./verify-message.js";

export interface MessageSignaturesOptions extends SelectOptions, TimeOptions {
  /** Where the keys of accounts come from. */
  readonly keys: AccountKeys;
  /**
   * The scheme that clients use; default that of the request's URL. Behind a proxy that ends TLS it is `https`, for signatures that
   * cover `@scheme` or `@target-uri`.
   */
  readonly scheme?: "http" | "https" | undefined;
  /** Which fields `sf` may write anew, beside those of the RFCs. */
  readonly fieldTypes?: Readonly<Record<string, FieldType>> | undefined;
}

// Unknown keys are checked against this, so that they take the time and get the answer of known ones.
const dummyKey: VerifyingKey = { algorithm: "hmac-sha256", secret: "no account has this key, and none will" };

/**
 * Lets `createAuth` and `verifyRequest` take requests that are signed by RFC 9421: `{ messages: messageSignatures({ keys }) }`.
 *
 * A signature must have `created` and `keyid`, cover the method, the authority and the whole target (`@target-uri`; or `@authority` with
 * `@request-target`, or with `@path` and `@query`), with a body `content-digest` and the `content-type` that is sent, and have a
 * `nonce` where the request changes something. It is read from a request that has no `bk-signature`.
 *
 * @throws AuthError `invalid` when there are no keys
 */
export function messageSignatures(options: MessageSignaturesOptions): RequestVerifier {
  if (typeof options.keys?.findKey !== "function") throw invalid("keys", "has no findKey");
  return { read: (incoming) => read(incoming, options) };
}

function read(incoming: Incoming, options: MessageSignaturesOptions): ReadSignature | ProofRefused | undefined {
  const { method, host, target, headers } = incoming;
  const message = { method, url: `${options.scheme ?? incoming.scheme}://${host}${target}`, headers };
  const found = findSignature(message, options);
  if ("ok" in found) return found.problem === "missing" ? undefined : refused(found);
  const { keyid } = found.claims;
  if (!isKeyId(keyid)) return { reason: "badSignature", message: "The signature names no key, or one with an id that none can have" };
  return { keyid, prove: (facts) => prove({ incoming, message, found, keyid, ...facts }, options) };
}

interface Case {
  readonly incoming: Incoming;
  readonly message: RequestMessage;
  readonly found: FoundSignature;
  readonly keyid: string;
  readonly now: number;
  readonly askedMs: number;
  readonly changes: boolean;
}

async function prove(given: Case, options: MessageSignaturesOptions): Promise<RequestProof | ProofRefused> {
  const { incoming, message, found, keyid, now, askedMs } = given;
  const late = timeFault(found.claims, askedMs, options);
  if (late !== undefined) return refused(late);
  const uncovered = missingCover(given);
  if (uncovered !== undefined) return { reason: "badSignature", message: `The signature does not ${uncovered}` };
  const base = signatureBase(message, found.input, options.fieldTypes);
  if ("problem" in base) return { reason: "badSignature", message: `The signature does not fit: ${base.problem}` };

  const known = await options.keys.findKey(keyid);
  const isKnown = known !== undefined && known.keyid === keyid;
  const { algorithm } = found.claims;
  const isRight = await verifyText(isKnown ? known.key : dummyKey, base.text, found.signature);
  const agrees = algorithm === undefined || algorithm === known?.key.algorithm;
  if (!isKnown || !isRight || !agrees) return { reason: "notAuthenticated", why: whyNot(isKnown, agrees) };
  if (!isInUse(known, now)) return { reason: "keyEnded" };
  const fits = compileScopes(known.scopes);
  return {
    login: known.login,
    account: known.account,
    digest: given.changes ? await nonceKey(keyid, found) : "",
    endsMs: endOf(found.claims, options),
    isInScope: fits(incoming.method, incoming.path),
    checkBody: () => bodyProblem(incoming),
    used: () => options.keys.used?.(keyid, now),
  };
}

function isInUse({ begins, ends }: AccountKey, now: number): boolean {
  return (begins ?? -Infinity) <= now && now <= (ends ?? Infinity);
}

function whyNot(isKnown: boolean, agrees: boolean): string {
  if (!isKnown) return "there is no key with this id";
  return agrees
    ? "wrong signature: another key, or the request is not the one that was signed"
    : "the key is for another algorithm than the signature names";
}

/** What is taken once: the nonce of a key. As a hash, for stores have keys of a fixed length. */
async function nonceKey(keyid: string, { claims }: FoundSignature): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify([keyid, claims.nonce]));
  return base64Of(new Uint8Array(await crypto.subtle.digest("SHA-256", text)));
}

/** The longest nonce: it is remembered. */
const maxNonceLength = 128;

/** What a signature leaves out, as the end of a sentence. */
function missingCover({ incoming, found, changes }: Case): string | undefined {
  const covered = coveredBy(found);
  const has = (...names: readonly string[]): boolean => names.every((name) => covered.has(`"${name}"`));
  if (!has("@method")) return "cover @method";
  if (!has("@target-uri")) {
    if (!has("@authority")) return "cover @authority or @target-uri";
    if (!has("@request-target") && !has("@path", "@query")) return "cover @target-uri, @request-target, or @path and @query";
  }
  if (hasBytes(incoming)) {
    if (!has("content-digest")) return "cover content-digest, which a request with a body needs";
    if (incoming.contentType !== "" && !has("content-type")) return "cover content-type";
  }
  const { nonce } = found.claims;
  if (nonce !== undefined && nonce.length > maxNonceLength) return `have a nonce of at most ${maxNonceLength} characters`;
  return changes && !nonce ? "have a nonce, which a request that changes something needs" : undefined;
}

async function bodyProblem({ headers, body }: Incoming): Promise<RefusalReason | undefined> {
  const header = fieldLines(headers, "content-digest")?.join(", ");
  // Without a body the header is not required; one that is there must be right all the same.
  if (header === undefined) return undefined;
  return (await checkContentDigest(header, body)) === "fits" ? undefined : "wrongDigest";
}

function refused({ problem, why }: SignatureFault): ProofRefused {
  if (problem === "expired") return { reason: "expired", message: "Expired request: the signature has expired, or ends before it begins" };
  if (problem === "future") return { reason: "expired", message: "The signature was created in the future; check your clock" };
  return { reason: "badSignature", message: `The signature cannot be used: ${why}` };
}
