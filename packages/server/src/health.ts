// Whether the server lives, and whether it is ready for requests: what load balancers and supervisors ask.

import type { ServedDb } from "./data/served-db.js";

export interface Health {
  /** Why it takes no requests; undefined when it does. */
  notReady(): Promise<string | undefined>;
  /** It is to take none from now on. */
  unready(): void;
}

const patienceMs = 2000;
/** Many may ask; the database hears of it once in that time. */
const freshMs = 1000;

/** @param db  the database that has to answer; undefined: none is asked */
export function serverHealth(db: ServedDb | undefined): Health {
  let isEnding = false;
  let asked: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined;
  const answers = async (): Promise<string | undefined> => {
    try {
      // There is no such login; that it is looked for is all.
      await db!.get("bk_auth", { login: "health" }, { timeoutMs: patienceMs });
      return undefined;
    } catch {
      return "the database does not answer";
    }
  };
  return {
    async notReady() {
      if (isEnding) return "the server is ending";
      if (db === undefined) return undefined;
      const now = Date.now();
      if (asked === undefined || now - asked.at > freshMs) asked = { at: now, answer: answers() };
      return asked.answer;
    },
    unready() {
      isEnding = true;
    },
  };
}
