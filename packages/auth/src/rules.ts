import { type Account, accountTypes } from "./account.js";
import { invalid } from "./errors.js";
import { compileNetworks, type NetworkRefusal, type NetworkRule } from "./network-rules.js";
import { closing, isRulePattern, opening, type RulePattern, type RuleTest } from "./path-rules.js";
import type { RefusalReason } from "./refusal.js";

/**
 * Who may use which paths. Patterns are matched against the path of the request, from end to end; `POST,PUT /data/*` is for these methods
 * alone.
 */
export interface AccessRules {
  /** Open to everybody; credentials are not looked at. Default `/`, `/ping`, `/login` and `/logout`, exactly. */
  readonly allowPaths?: readonly RulePattern[] | undefined;
  /** Exceptions from `allowPaths`. Default none. */
  readonly ignoreAllowPaths?: readonly RulePattern[] | undefined;
  /** Open to everybody, but credentials are checked where there are any, and wrong ones refused. Default none. */
  readonly allowAnonymous?: readonly RulePattern[] | undefined;
  /** Open to every account, whatever `allowAccount` and `aclAllow` say. Default none. */
  readonly allowAuthenticated?: readonly RulePattern[] | undefined;
  /** Open to accounts of type `admin` alone. Default none. */
  readonly allowAdmin?: readonly RulePattern[] | undefined;
  /** By type of account: paths that are open to these types alone, and to admins. A path that several name is open to each of them. */
  readonly allowAccount?: Readonly<Record<string, readonly RulePattern[]>> | undefined;
  /** By type of account: paths that are closed to it. An admin is not held to it. */
  readonly denyAccount?: Readonly<Record<string, readonly RulePattern[]>> | undefined;
  /** Lists of paths by name, for `aclAllow` and `aclDeny`. */
  readonly acls?: Readonly<Record<string, readonly RulePattern[]>> | undefined;
  /**
   * By type of account: names of `acls` whose paths are open to these types alone, and to admins, as with `allowAccount`. They are looked
   * at in order: one with `-` before it that the path is in ends the list without a match. The type `*` stands for every account.
   */
  readonly aclAllow?: Readonly<Record<string, readonly string[]>> | undefined;
  /** By type of account: names of `acls` whose paths are closed to it, likewise. */
  readonly aclDeny?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Closed to everybody. Default none. */
  readonly denyPaths?: readonly RulePattern[] | undefined;
  /** Closes paths by the address that a request comes from, for everybody or for types of accounts. Default none. */
  readonly networks?: readonly NetworkRule[] | undefined;
  /** Where sessions do not count: only signatures and access tokens do. Default none. */
  readonly denySessions?: readonly RulePattern[] | undefined;
  /** Whether a request changes something, so that its signature counts once. Default: every method but GET, HEAD and OPTIONS. */
  readonly changes?: ((method: string, path: string) => boolean) | undefined;
}

export const defaultAllowPaths: readonly RulePattern[] = Object.freeze(["/", "/ping", "/login", "/logout"]);

export interface CompiledRules {
  readonly isDenied: RuleTest;
  /** Whether nobody may use a path from an address. */
  readonly isClosedFrom: NetworkRefusal;
  readonly isAllowed: RuleTest;
  readonly isWithoutSessions: RuleTest;
  /** Whether somebody without an account may go on, once the request showed no credential. */
  readonly isAnonymous: RuleTest;
  /** Why an account may not use a path; undefined when it may. */
  refuses(account: Pick<Account, "type">, method: string, path: string, address?: string): RefusalReason | undefined;
}

/** Paths by type of account. */
interface TypeTest {
  readonly type: string;
  readonly fits: RuleTest;
}

const never: RuleTest = () => false;

/**
 * Compiles rules once. What opens a path must fit every way to read it, what closes it any.
 *
 * @throws AuthError `invalid` for a pattern that no path can fit, or a name that `acls` does not have
 */
export function compileRules(rules: AccessRules): CompiledRules {
  const { allowPaths = defaultAllowPaths, ignoreAllowPaths = [], allowAnonymous = [], allowAuthenticated = [] } = rules;
  const { allowAdmin = [], denyPaths = [], denySessions = [], acls = {} } = rules;
  const lists = { allowPaths, ignoreAllowPaths, allowAnonymous, allowAuthenticated, allowAdmin, denyPaths, denySessions };
  for (const [name, patterns] of Object.entries(lists)) checkPatterns(name, patterns);
  for (const name of ["allowAccount", "denyAccount", "acls"] as const)
    for (const [key, patterns] of Object.entries(rules[name] ?? {})) checkPatterns(`${name}.${key}`, patterns);

  const [open, ignored, anonymous] = [opening(allowPaths), closing(ignoreAllowPaths), opening(allowAnonymous)];
  const isAdminOnly = closing(allowAdmin);
  const isForAll = opening(allowAuthenticated);
  // A path belongs to a type if any reading of it does: then it is closed to the others. It is open to the type if every one does.
  const allowed = typeTests(rules.allowAccount, opening).concat(aclTests("aclAllow", rules.aclAllow, acls, opening));
  const claimed = typeTests(rules.allowAccount, closing).concat(aclTests("aclAllow", rules.aclAllow, acls, closing));
  const closed = typeTests(rules.denyAccount, closing).concat(aclTests("aclDeny", rules.aclDeny, acls, closing));
  const isClaimed: RuleTest = claimed.length === 0 ? never : (method, path) => claimed.some(({ fits }) => fits(method, path));
  const { refusesAll, refusesAccount } = compileNetworks(rules.networks ?? [], checkPatterns);
  const hasTypes = claimed.length > 0 || closed.length > 0;
  const hasRules = hasTypes || allowAdmin.length > 0;

  function refuses(account: Pick<Account, "type">, method: string, path: string, address?: string): RefusalReason | undefined {
    if (refusesAccount(address, method, path, account)) return "denied";
    if (!hasRules) return undefined;
    const isAdminPath = isAdminOnly(method, path);
    if (!hasTypes && !isAdminPath) return undefined;
    const types = accountTypes(account);
    if (types.includes("admin")) return undefined;
    if (isAdminPath) return "adminOnly";
    const isOf = ({ type }: TypeTest): boolean => type === "*" || types.includes(type);
    if (closed.some((test) => isOf(test) && test.fits(method, path))) return "denied";
    if (isForAll(method, path) || !isClaimed(method, path)) return undefined;
    return allowed.some((test) => isOf(test) && test.fits(method, path)) ? undefined : "notForType";
  }

  return {
    isDenied: closing(denyPaths),
    isClosedFrom: refusesAll,
    isAllowed: ignoreAllowPaths.length === 0 ? open : (method, path) => open(method, path) && !ignored(method, path),
    isWithoutSessions: closing(denySessions),
    isAnonymous: (method, path) => anonymous(method, path) && !isAdminOnly(method, path) && !isClaimed(method, path),
    refuses,
  };
}

function typeTests(lists: Readonly<Record<string, readonly RulePattern[]>> = {}, compile: typeof opening): TypeTest[] {
  return Object.entries(lists).map(([type, patterns]) => ({ type, fits: compile(patterns) }));
}

/** Lists of names, each in its order. */
function aclTests(
  option: string,
  lists: Readonly<Record<string, readonly string[]>> = {},
  acls: Readonly<Record<string, readonly RulePattern[]>>,
  compile: typeof opening,
): TypeTest[] {
  return Object.entries(lists).map(([type, names]) => {
    const parts = names.map((written) => {
      const isException = written.startsWith("-");
      const name = isException ? written.slice(1) : written;
      if (!Object.hasOwn(acls, name)) throw invalid(`rules.${option}.${type}`, `names ${JSON.stringify(name)}, which acls does not have`);
      // An exception from what opens closes, and the other way round.
      const other = compile === opening ? closing : opening;
      return { isException, fits: (isException ? other : compile)(acls[name]!) };
    });
    const fits: RuleTest = (method, path) => {
      for (const part of parts) if (part.fits(method, path)) return !part.isException;
      return false;
    };
    return { type, fits };
  });
}

/**
 * Whether a request is refused for where it comes from, whoever it is from: what is asked before credentials are looked at. Rules with `types` are
 * left out.
 *
 * @throws AuthError `invalid` for what is no network or path
 */
export function refusesAddress(networks: readonly NetworkRule[]): (address: string | undefined, method: string, path: string) => boolean {
  return compileNetworks(networks, checkPatterns).refusesAll;
}

function checkPatterns(name: string, patterns: readonly RulePattern[]): void {
  for (const pattern of patterns)
    if (!isRulePattern(pattern))
      throw invalid(
        `rules.${name}`,
        `has ${JSON.stringify(pattern)}, which is no path that starts with / or *, nor methods and such a path`,
      );
}
