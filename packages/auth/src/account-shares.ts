// How much each account has in a store: counts by the second in which entries end, so that ended ones go without being looked for.
import { AuthError } from "./errors.js";

export interface AccountShares {
  /** Counts an entry. @throws AuthError `limited`, with `retryAfterMs`, when the account has its share already */
  add(login: string, endsMs: number, now: number): void;
  remove(login: string, endsMs: number): void;
}

interface Share {
  live: number;
  /** Entries by the second in which they end. */
  readonly bySecond: Map<number, number>;
}

const forgetEveryMs = 60_000;

/** @param most  the most live entries of one account */
export function accountShares(most: number): AccountShares {
  const shares = new Map<string, Share>();
  let forgottenMs = 0;

  function dropEnded(share: Share, now: number): void {
    const second = Math.floor(now / 1000);
    for (const [ends, count] of share.bySecond) {
      if (ends >= second) continue;
      share.bySecond.delete(ends);
      share.live -= count;
    }
  }

  /** Accounts without a live entry take no room. */
  function forget(now: number): void {
    forgottenMs = now;
    for (const [login, share] of shares) {
      dropEnded(share, now);
      if (share.live === 0) shares.delete(login);
    }
  }

  return {
    add(login, endsMs, now) {
      if (now - forgottenMs >= forgetEveryMs) forget(now);
      let share = shares.get(login);
      if (share === undefined) shares.set(login, (share = { live: 0, bySecond: new Map() }));
      if (share.live >= most) dropEnded(share, now);
      if (share.live >= most) {
        let first = Infinity;
        for (const ends of share.bySecond.keys()) first = Math.min(first, ends);
        throw new AuthError("limited", "too many requests of this account that change something; try again in a while", {
          detail: { retryAfterMs: Math.max(1000, (first + 1) * 1000 - now) },
        });
      }
      const second = Math.floor(endsMs / 1000);
      share.bySecond.set(second, (share.bySecond.get(second) ?? 0) + 1);
      share.live++;
    },
    remove(login, endsMs) {
      const share = shares.get(login);
      const second = Math.floor(endsMs / 1000);
      const count = share?.bySecond.get(second) ?? 0;
      if (share === undefined || count === 0) return;
      share.live--;
      if (count === 1) share.bySecond.delete(second);
      else share.bySecond.set(second, count - 1);
    },
  };
}
