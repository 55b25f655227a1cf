// The vectors in `vectors/signature.json` come from running the original server and its browser client.
import { readFileSync } from "node:fs";
import type { Account, AccountStore } from "../src/index.js";

export interface VectorRequest {
  readonly method: string;
  readonly host: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

export interface VectorInput {
  readonly generator: "server" | "client" | "manual" | "cookie" | "token" | "login";
  readonly version: 1 | 2 | 3 | 4 | 5;
  readonly tag: string;
  readonly login: string;
  readonly secret: string;
  readonly method: string;
  readonly host: string;
  readonly url: string;
  readonly query: string | Record<string, unknown> | null;
  readonly contentType: string;
  readonly body: string | null;
  readonly checksum: string;
  readonly expires: number;
  readonly now: number;
  readonly carrier: string;
}

export interface VectorCase {
  readonly id: string;
  readonly descr: string;
  readonly input: VectorInput;
  readonly output: { readonly canonical: string | null; readonly value: string; readonly signature: string } | null;
  readonly verify: {
    readonly request: VectorRequest;
    readonly serverNow: number;
    readonly config?: { readonly signatureAge?: number };
    readonly status: number;
    readonly code?: string;
    readonly accepted: boolean;
  };
  readonly recommended: string;
}

interface Vectors {
  readonly clock: number;
  readonly config: { readonly sessionSecret: string; readonly accessTokenSecret: string };
  readonly accounts: readonly (Account & { readonly salt?: string; readonly password?: string })[];
  readonly session: { readonly decodedPayload: Record<string, string>; readonly canonical: string };
  readonly token: { readonly token: string; readonly decrypted: string; readonly canonical: string };
  readonly cases: readonly VectorCase[];
  readonly legacy2014: readonly {
    readonly id: string;
    readonly input: Pick<VectorInput, "version" | "login" | "method" | "host" | "url" | "contentType" | "checksum" | "expires">;
    readonly output: { readonly canonical: string; readonly value: string };
  }[];
  readonly primitives: {
    readonly domainName: readonly { readonly host: string; readonly domain: string }[];
    readonly scramble: readonly { readonly login: string; readonly secret: string; readonly scrambledUtf8: string }[];
    readonly checksum: readonly { readonly body: string; readonly sha1Base64: string }[];
    readonly passwordHash201805: readonly { readonly salt: string; readonly password: string; readonly hash: string }[];
    readonly tokenEncrypt: readonly { readonly key: string; readonly plain: string; readonly hex: string }[];
  };
}

export const vectors = JSON.parse(readFileSync(new URL("vectors/signature.json", import.meta.url), "utf8")) as Vectors;

/** What the browser client sends with a POST when nothing else is said. */
export const clientForm = "application/x-www-form-urlencoded; charset=utf-8";

export function contentTypeOf({ generator, method, contentType }: VectorInput): string {
  return generator === "client" && method === "POST" && contentType === "" ? clientForm : contentType;
}

export function storeOf<A extends Account>(accounts: readonly A[]): AccountStore<A> {
  const byLogin = new Map(accounts.map((account) => [account.login, account]));
  return { findByLogin: (login) => Promise.resolve(byLogin.get(login)) };
}
