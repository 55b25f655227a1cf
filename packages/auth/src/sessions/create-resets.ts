// A new secret for somebody who has forgotten the old one, by a token in a mail. Node only.
import { type Clock, systemClock } from "@bk/core";
import { type Account, hasEnded, type PublicAccount, withoutSecrets } from "../account.js";
import { type AccountDb, type AccountRow, accountsOf } from "../account-db.js";
import { type ChangedSecret, changeSecret } from "../change-secret.js";
import { AuthError, invalid } from "../errors.js";
import { checkPassword, type PasswordPolicy } from "../password-policy.js";
import type { MasterKey } from "../secrets.js";
import { isPlainText, maxLoginLength } from "../signature-value.js";
import { keeperOf } from "./keeper.js";
import type { SessionStore } from "./session-store.js";

/** What is to be sent to the person of an account. */
export interface ResetMail {
  /** The account, without its secrets; its `email` is where the mail goes. */
  readonly account: PublicAccount<AccountRow>;
  /** What the mail carries, such as in a link to a page that asks for the new secret. Never log it. */
  readonly token: string;
  /** When the token ends, in milliseconds since 1970. */
  readonly expires: number;
}

export interface ResetsOptions {
  readonly db: AccountDb;
  readonly masterKey: MasterKey;
  /** Where tokens are kept, beside sessions. */
  readonly store: SessionStore;
  /** Sends a mail. It runs behind the answer, so that nobody learns from the time which logins exist. */
  readonly mail: (message: ResetMail) => Promise<void> | void;
  /** What the new secret must be like. Default anything. */
  readonly policy?: PasswordPolicy | undefined;
  /** How long a token holds, in milliseconds; default 30 minutes. */
  readonly ttlMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Told when a mail could not be sent. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

export interface Resets {
  /**
   * Sends a token to the person of a login, if there is one. Answers at once and alike, whoever it is. An account gets three tokens at most
   * that hold at the same time.
   *
   * @throws AuthError `limited` when too many of these run
   */
  requestReset(login: string): void;
  /**
   * Changes the secret of the account of a token: its password where it has one, else its signing key. Ends its sessions and tokens. A token
   * counts once, and no more after the secret was changed in another way.
   *
   * @throws AuthError `invalid` for a token that does not count (`detail.field` is `token`) or a secret that the policy refuses: then the
   *   token still counts
   */
  resetSecret(token: string, secret: string): Promise<ChangedSecret>;
  /** Resolves when every mail that was asked for has been handed over, or given up. */
  idle(): Promise<void>;
}

const mostHeld = 3;
const mostRunning = 100;

/** Resets by mail, for accounts in the table `bk_auth`. */
export function createResets(options: ResetsOptions): Resets {
  const { db, masterKey, store, mail, policy, ttlMs = 30 * 60_000, clock = systemClock, onFault } = options;
  const accounts = accountsOf(db, { masterKey });
  const tiedTo = ({ session_key, secret }: Account): string => `${session_key ?? ""}\n${secret}`;
  const keeper = keeperOf({ store, clock, kind: "reset", prefix: "bkr_", longestMs: ttlMs, tiedTo });
  // By login: of one that is asked for again and again at once only the first counts.
  const running = new Map<string, Promise<void>>();

  async function send(login: string): Promise<void> {
    const account = login.length <= maxLoginLength && isPlainText(login) ? await accounts.findByLogin(login) : undefined;
    if (account === undefined || account.login !== login || hasEnded(account, clock.now())) return;
    if ((await keeper.rowsOf(account.id)).length >= mostHeld) return;
    const expires = clock.now() + ttlMs;
    const { secret: token } = await keeper.add(account, { expires, maker: {} });
    await mail({ account: withoutSecrets(account), token, expires });
  }

  return {
    requestReset(login) {
      if (typeof login !== "string" || login === "") throw invalid("login", "is missing");
      if (running.has(login)) return;
      if (running.size >= mostRunning) throw new AuthError("limited", "too many mails are being sent", { detail: { retryAfterMs: 5000 } });
      const work = send(login)
        .catch((error: unknown) => onFault?.(error))
        .finally(() => running.delete(login));
      running.set(login, work);
    },
    async resetSecret(token, secret) {
      if (typeof secret !== "string" || secret === "") throw invalid("secret", "is empty");
      const opened = typeof token === "string" ? await keeper.open(token) : undefined;
      const account = opened === undefined || opened.hasEnded ? undefined : await accounts.findByLogin(opened.login);
      if (opened === undefined || account === undefined || !opened.belongsTo(account)) throw wrongToken();
      const field = account.password ? "password" : "secret";
      checkPassword(policy, secret, account, "secret");
      // Of two that use it at once one removes it.
      if (!(await store.remove(opened.id))) throw wrongToken();
      return changeSecret(db, { login: account.login, [field]: secret }, { masterKey, store });
    },
    async idle() {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

function wrongToken(): AuthError {
  return invalid("token", "is wrong, was used, or has ended");
}
