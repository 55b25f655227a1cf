import { type Clock, systemClock } from "@bk/core";
import type { FieldType } from "./components.js";
import { fieldLines, type HttpMessage } from "./message.js";
import { type VerifyingKey, verifyText } from "./message-key.js";
import { readComponent, signatureBase } from "./signature-base.js";
import { identityOf } from "./components.js";
import { type InnerList, type Parameters, parseDictionary } from "./structured-fields.js";

/** What a signature says of itself. Nothing of it is proven before the signature is verified. */
export interface SignatureClaims {
  readonly label: string;
  readonly keyid: string | undefined;
  readonly algorithm: string | undefined;
  /** In milliseconds since 1970. */
  readonly created: number | undefined;
  /** In milliseconds since 1970. */
  readonly expires: number | undefined;
  readonly nonce: string | undefined;
  readonly tag: string | undefined;
}

/** A signature that was found in a message, taken apart. */
export interface FoundSignature {
  readonly claims: SignatureClaims;
  readonly input: InnerList;
  readonly signature: Uint8Array;
}

/**
 * Why a signature does not count: `missing` there is none; `malformed` it cannot be read, or could be read in several ways; `several`
 * nothing says which one counts; `uncovered` it leaves out what it must cover, or a parameter that it must have; `message` what it
 * covers is not in the message; `expired`, `future` and `too-long` by its times; `key` the key is not known; `algorithm` the key is for
 * another; `signature` it is wrong.
 */
export type SignatureProblem =
  | "missing"
  | "malformed"
  | "several"
  | "uncovered"
  | "message"
  | "expired"
  | "future"
  | "too-long"
  | "key"
  | "algorithm"
  | "signature";

export interface SignatureFault {
  readonly ok: false;
  readonly problem: SignatureProblem;
  /** In words, without values of the message. */
  readonly why: string;
}

export interface SelectOptions {
  /** Takes the signature with this label. */
  readonly label?: string | undefined;
  /** Takes the signature with this tag. */
  readonly tag?: string | undefined;
}

/** The longest Signature-Input or Signature field that is read, in characters. */
export const maxFieldLength = 8192;

const fault = (problem: SignatureProblem, why: string): SignatureFault => ({ ok: false, problem, why });

/**
 * Finds the one signature of a message that counts. Where there are several, `label` or `tag` must say which.
 *
 * Labels and parameters that come twice, and labels without both fields, are `malformed`: two programs could read them in two ways.
 */
export function findSignature(message: HttpMessage, { label, tag }: SelectOptions = {}): FoundSignature | SignatureFault {
  const texts = ["signature-input", "signature"].map((name) => fieldLines(message.headers, name)?.join(", "));
  const [inputText, signatureText] = texts;
  if (inputText === undefined && signatureText === undefined) return fault("missing", "the message is not signed");
  if (inputText === undefined || signatureText === undefined) return fault("malformed", "one of Signature-Input and Signature is missing");
  if (texts.some((text) => text!.length > maxFieldLength)) return fault("malformed", `a field is longer than ${maxFieldLength} characters`);
  const inputs = parseDictionary(inputText, { unique: true });
  const signatures = parseDictionary(signatureText, { unique: true });
  if (inputs === undefined) return fault("malformed", "Signature-Input is not a dictionary, or has a label or parameter twice");
  if (signatures === undefined) return fault("malformed", "Signature is not a dictionary, or has a label twice");
  if (inputs.size !== signatures.size || [...inputs.keys()].some((key) => !signatures.has(key)))
    return fault("malformed", "Signature-Input and Signature have other labels");

  const found: FoundSignature[] = [];
  for (const [name, input] of inputs) {
    const member = signatures.get(name)!;
    if (!("items" in input)) return fault("malformed", "a member of Signature-Input is not a list");
    if ("items" in member || member.bare.type !== "bytes") return fault("malformed", "a member of Signature is not a byte sequence");
    const claims = claimsOf(name, input.parameters);
    if (claims === undefined) return fault("malformed", "a parameter of Signature-Input is of another type than it should be");
    if ((label === undefined || label === name) && (tag === undefined || tag === claims.tag))
      found.push({ claims, input, signature: member.bare.value });
  }
  const [first, ...others] = found;
  if (first === undefined) return fault("missing", "no signature has the label or tag that is asked for");
  return others.length > 0 ? fault("several", "the message has several signatures, and nothing says which one counts") : first;
}

function claimsOf(label: string, parameters: Parameters): SignatureClaims | undefined {
  const types = { created: "integer", expires: "integer", nonce: "string", alg: "string", keyid: "string", tag: "string" } as const;
  for (const [name, type] of Object.entries(types)) if ((parameters.get(name)?.type ?? type) !== type) return undefined;
  const text = (name: string): string | undefined => parameters.get(name)?.value as string | undefined;
  const time = (name: string): number | undefined => {
    const value = parameters.get(name)?.value as number | undefined;
    return value === undefined ? undefined : value * 1000;
  };
  return {
    label,
    keyid: text("keyid"),
    algorithm: text("alg"),
    created: time("created"),
    expires: time("expires"),
    nonce: text("nonce"),
    tag: text("tag"),
  };
}

/** The covered components, each as one text whatever the order of its parameters. */
export function coveredBy({ input }: Pick<FoundSignature, "input">): ReadonlySet<string> {
  return new Set(input.items.map(identityOf));
}

export interface TimeOptions {
  /** The longest time from `created` on that a signature is taken, in milliseconds; default 15 minutes. */
  readonly maxAgeMs?: number | undefined;
  /** How far clocks may differ, in milliseconds; default 5,000. */
  readonly clockSkewMs?: number | undefined;
}

/** Checks the times of a signature. One without `created` is `uncovered`. */
export function timeFault(claims: SignatureClaims, now: number, options: TimeOptions = {}): SignatureFault | undefined {
  const { clockSkewMs = 5000 } = options;
  const { created, expires } = claims;
  if (created === undefined) return fault("uncovered", "the signature does not say when it was created");
  if (created > now + clockSkewMs) return fault("future", "the signature is created in the future; check your clock");
  if (endOf(claims, options) < now) return fault("expired", "the signature has expired");
  return expires !== undefined && expires < created ? fault("expired", "the signature ends before it begins") : undefined;
}

/** When a signature is not taken any more, in milliseconds since 1970. */
export function endOf({ created = 0, expires }: SignatureClaims, { maxAgeMs = 15 * 60_000, clockSkewMs = 5000 }: TimeOptions = {}): number {
  return Math.min(expires ?? Infinity, created + maxAgeMs) + clockSkewMs;
}

export interface VerifyMessageOptions extends SelectOptions, TimeOptions {
  /** Gives the key with this id; undefined when there is none. */
  readonly findKey: (keyid: string) => VerifyingKey | undefined | Promise<VerifyingKey | undefined>;
  /** What must be covered, written as for `signMessage`. */
  readonly required: readonly string[];
  /** Which fields `sf` may write anew, beside those of the RFCs. */
  readonly fieldTypes?: Readonly<Record<string, FieldType>> | undefined;
  readonly clock?: Clock | undefined;
}

export interface VerifiedMessage {
  readonly ok: true;
  readonly claims: SignatureClaims;
}

/**
 * Verifies the signature of a request or a response (RFC 9421).
 *
 * Never throws for what the message holds. A signature stands for what it covers alone: a body counts only when `content-digest` is
 * required and `checkContentDigest` says that it fits. Replay is for the caller to look at: keep `claims.nonce` until it ends.
 *
 * @throws AuthError `invalid` for a key that cannot be used; whatever `findKey` throws
 */
export async function verifyMessage(message: HttpMessage, options: VerifyMessageOptions): Promise<VerifiedMessage | SignatureFault> {
  const found = findSignature(message, options);
  if ("ok" in found) return found;
  const late = timeFault(found.claims, (options.clock ?? systemClock).now(), options);
  if (late !== undefined) return late;
  const covered = coveredBy(found);
  for (const text of options.required) {
    const item = readComponent(text);
    if (item === undefined || !covered.has(identityOf(item))) return fault("uncovered", `the signature does not cover ${text}`);
  }
  const { keyid } = found.claims;
  const key = keyid === undefined ? undefined : await options.findKey(keyid);
  if (key === undefined) return fault("key", "the key is not known");
  const wrong = await signatureFault(message, found, key, options.fieldTypes);
  return wrong ?? { ok: true, claims: found.claims };
}

/** Checks a signature against its message with a key. The key says which algorithm it is for; a message may only agree. */
export async function signatureFault(
  message: HttpMessage,
  { claims, input, signature }: FoundSignature,
  key: VerifyingKey,
  fieldTypes?: Readonly<Record<string, FieldType>>,
): Promise<SignatureFault | undefined> {
  if (claims.algorithm !== undefined && claims.algorithm !== key.algorithm) return fault("algorithm", "the key is for another algorithm");
  const base = signatureBase(message, input, fieldTypes);
  if ("problem" in base) return fault("message", base.problem);
  return (await verifyText(key, base.text, signature)) ? undefined : fault("signature", "the signature is wrong");
}
