// Logging in: a person's secret is checked once, and a session or a token is handed out for it. Node only.
import { type PublicAccount, withoutSecrets } from "../account.js";
import type { Attempts } from "../attempts.js";
import { checkTyped, type LoginAccount, type LoginOptions, type TypedLogin } from "../login.js";
import { hashPassword, isWeakHash } from "../passwords.js";
import type { OneTimeCodes } from "../one-time-codes.js";
import { type Refusal, refusal, type RefusalNote, whyOf } from "../refusal.js";
import type { NewSession, Sessions } from "./create-sessions.js";
import type { NewToken, Tokens } from "./create-tokens.js";
import type { SessionMaker } from "./keeper.js";

export interface LoginsOptions<A extends LoginAccount = LoginAccount> extends LoginOptions<A> {
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  /** Counts wrong secrets by login and address. Default: no limit. */
  readonly attempts?: Attempts | undefined;
  /** One-time codes: an account that has them needs one. Default none. */
  readonly codes?: Pick<OneTimeCodes, "check"> | undefined;
  /** Told when the hash of a password could not be made anew, which keeps nobody out. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

export interface LoginRequest extends SessionMaker {
  /** A one-time code, or a recovery code. Looked at only when login and secret are right. */
  readonly code?: string | undefined;
  /** Whether to begin a session. */
  readonly session?: boolean | undefined;
  /** Whether to make an access token. */
  readonly token?: boolean | undefined;
  /** Told why nobody is let in, for a log: more than the client may know. */
  readonly onRefused?: ((note: RefusalNote) => void) | undefined;
}

export interface LoggedIn<A extends LoginAccount = LoginAccount> {
  readonly ok: true;
  /** The account, without its secrets. */
  readonly account: PublicAccount<A>;
  readonly session?: NewSession;
  readonly token?: NewToken;
}

export interface Logins<A extends LoginAccount = LoginAccount> {
  /**
   * Checks a login with its secret, and begins what is asked for.
   *
   * Who may not log in gets one answer after one time, whatever is wrong. A hash that was made with weaker parameters than today's is made
   * anew.
   *
   * @throws whatever the stores throw
   */
  logIn(typed: TypedLogin, request?: LoginRequest): Promise<LoggedIn<A> | Refusal>;
}

/** How many guesses of one address at one login are looked at at the same time: they count when they are over. */
const mostAtOnce = 4;

/** Lets people log in, at the accounts and the stores that `createAuth` has. */
export function createLogins<A extends LoginAccount>(options: LoginsOptions<A>): Logins<A> {
  const { accounts, sessions, tokens, attempts, codes, statuses, onFault } = options;
  const running = new Map<string, number>();

  async function check(typed: TypedLogin, { address = "", onRefused }: LoginRequest): Promise<{ ok: true; account: A } | Refusal> {
    const { login, secret } = typed;
    if (typeof login !== "string" || login === "" || typeof secret !== "string" || secret === "") return refusal("noLogin", statuses);
    const waitMs = attempts === undefined ? 0 : await attempts.waitMs(login, address);
    if (waitMs > 0) {
      onRefused?.({ login: undefined, why: whyOf("tooMany") });
      return { ...refusal("tooMany", statuses), retryAfterMs: waitMs };
    }
    const result = await checkTyped({ login, secret }, options, onRefused);
    if (!result.ok && result.code === "NOAUTH") await attempts?.failed(login, address);
    return result;
  }

  /** The same, of few at a time: a thousand guesses at once would all begin before the first one counts. */
  async function checkInTurn(typed: TypedLogin, request: LoginRequest): Promise<{ ok: true; account: A } | Refusal> {
    const key = JSON.stringify([request.address, typed.login]);
    const count = running.get(key) ?? 0;
    if (count >= mostAtOnce) return { ...refusal("tooMany", statuses), retryAfterMs: 1000 };
    running.set(key, count + 1);
    try {
      return await check(typed, request);
    } finally {
      const left = running.get(key)! - 1;
      if (left === 0) running.delete(key);
      else running.set(key, left);
    }
  }

  async function hashAnew({ login, password }: A, secret: string): Promise<void> {
    if (!password || accounts.replacePassword === undefined || !isWeakHash(password)) return;
    try {
      await accounts.replacePassword(login, password, await hashPassword(secret));
    } catch (error) {
      onFault?.(error);
    }
  }

  return {
    async logIn(typed, request = {}) {
      const { login, secret } = typed;
      const { session, token, address, agent } = request;
      const result = await checkInTurn({ login, secret }, request);
      if (!result.ok) return result;
      const { account } = result;
      const noCode = await codes?.check(account, request.code);
      if (noCode !== undefined) {
        request.onRefused?.({ login: account.login, why: noCode.message });
        return noCode;
      }
      await hashAnew(account, secret!);
      return {
        ok: true,
        account: withoutSecrets(account),
        ...(session === true ? { session: await sessions.create(account, { address, agent }) } : {}),
        ...(token === true ? { token: await tokens.create(account, { address, agent }) } : {}),
      };
    },
  };
}
