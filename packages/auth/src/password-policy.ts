// What a chosen password must be like. Off unless it is asked for; for people, not for machines, whose secrets are random.
import { AuthError } from "./errors.js";

export interface PasswordPolicyOptions {
  /** The least characters; default 8. */
  readonly minLength?: number | undefined;
  /** The most characters; default 1,024, which is also the most that is hashed. */
  readonly maxLength?: number | undefined;
  /** Whether it must have a lower-case letter; default false, as NIST SP 800-63B says: such rules make passwords alike. */
  readonly lower?: boolean | undefined;
  /** Whether it must have an upper-case letter; default false. */
  readonly upper?: boolean | undefined;
  /** Whether it must have a digit; default false. */
  readonly digit?: boolean | undefined;
  /** Whether it must have something else than letters, digits and space; default false. */
  readonly symbol?: boolean | undefined;
  /**
   * Passwords that are too common: a list of your own, in lower case, or `true` for the 49,000 of the package
   * `@zxcvbn-ts/language-common`, which then has to be installed. Default none.
   */
  readonly common?: boolean | Iterable<string> | undefined;
}

/** Whose password it is to be: none that names its person is taken. */
export interface PasswordOwner {
  readonly login?: string | undefined;
  readonly name?: string | null | undefined;
  readonly email?: string | null | undefined;
}

export interface PasswordPolicy {
  /** What is wrong with a password, a sentence each; empty when it is good. None repeats it. */
  problems(password: string, owner?: PasswordOwner): readonly string[];
}

const shortestName = 4;

/**
 * Makes a policy, for `addAccount` and `changeSecret`.
 *
 * @throws AuthError `driver-missing` when the list of common passwords is not installed
 */
export async function passwordPolicy(options: PasswordPolicyOptions = {}): Promise<PasswordPolicy> {
  const { minLength = 8, maxLength = 1024 } = options;
  const common = await commonOf(options.common);
  const kinds: readonly (readonly [asked: boolean | undefined, form: RegExp, what: string])[] = [
    [options.lower, /\p{Ll}/u, "a lower-case letter"],
    [options.upper, /\p{Lu}/u, "an upper-case letter"],
    [options.digit, /\p{Nd}/u, "a digit"],
    [options.symbol, /[^\p{L}\p{N}\s]/u, "a character that is no letter, digit or space"],
  ];
  return {
    problems(password, owner = {}) {
      const plain = password.normalize("NFKC");
      const length = Array.from(plain).length;
      const found: string[] = [];
      if (length < minLength) found.push(`the password needs at least ${minLength} characters`);
      if (length > maxLength) found.push(`the password may have at most ${maxLength} characters`);
      for (const [asked, form, what] of kinds) if (asked === true && !form.test(plain)) found.push(`the password needs ${what}`);
      const lower = plain.toLowerCase();
      if (common.has(lower)) found.push("the password is one of the most common ones");
      if (namesOf(owner).some((name) => lower.includes(name)))
        found.push("the password must not have the login, the name or the address in it");
      return found;
    },
  };
}

/** @throws AuthError `invalid`, with all that is wrong in its message, and in `detail.policy` */
export function checkPassword(policy: PasswordPolicy | undefined, password: string, owner: PasswordOwner, field: string): void {
  const problems = policy?.problems(password, owner) ?? [];
  if (problems.length > 0) throw new AuthError("invalid", problems.join(", "), { detail: { field, policy: problems.join(", ") } });
}

function namesOf({ login, name, email }: PasswordOwner): string[] {
  const names = [login, name, email, email?.split("@", 1)[0]].map((text) => (text ?? "").normalize("NFKC").toLowerCase());
  return names.filter((text) => text.length >= shortestName);
}

async function commonOf(given: PasswordPolicyOptions["common"]): Promise<ReadonlySet<string>> {
  if (given === undefined || given === false) return new Set();
  if (given !== true) return new Set(given);
  try {
    const { dictionary } = await import("@zxcvbn-ts/language-common");
    return new Set(dictionary["passwords-common"] as readonly string[]);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new AuthError("driver-missing", "the list of common passwords is not installed; npm install @zxcvbn-ts/language-common", {
      cause,
    });
  }
}
