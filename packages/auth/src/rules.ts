import { invalid } from "./errors.js";
import { closingReadings, compilePatterns, type PathPattern, readings } from "./path-pattern.js";

/** Who may use which paths. Patterns are matched against the path of the request, from end to end. */
export interface AccessRules {
  /** Open to everybody; credentials are not looked at. Default `/`, `/ping`, `/login` and `/logout`, exactly. */
  readonly allowPaths?: readonly PathPattern[] | undefined;
  /** Open to everybody, but credentials are checked where there are any, and wrong ones refused. Default none. */
  readonly allowAnonymous?: readonly PathPattern[] | undefined;
  /** Open to accounts of type `admin` alone. Default none. */
  readonly allowAdmin?: readonly PathPattern[] | undefined;
  /** Closed to everybody. Default none. */
  readonly denyPaths?: readonly PathPattern[] | undefined;
  /** Where sessions do not count: only signatures and access tokens do. Default none. */
  readonly denySessions?: readonly PathPattern[] | undefined;
  /** Whether a request changes something, so that its signature counts once. Default: every method but GET, HEAD and OPTIONS. */
  readonly changes?: ((method: string, path: string) => boolean) | undefined;
}

export const defaultAllowPaths: readonly PathPattern[] = Object.freeze(["/", "/ping", "/login", "/logout"]);

export interface CompiledRules {
  isDenied(path: string): boolean;
  isAllowed(path: string): boolean;
  isAnonymous(path: string): boolean;
  isAdminOnly(path: string): boolean;
  isWithoutSessions(path: string): boolean;
}

/**
 * Compiles rules once. What opens a path must fit every way to read it, what closes it any.
 *
 * @throws AuthError `invalid` for a pattern that no path can fit
 */
export function compileRules(rules: AccessRules): CompiledRules {
  const { allowPaths = defaultAllowPaths, allowAnonymous = [], allowAdmin = [], denyPaths = [], denySessions = [] } = rules;
  for (const [name, patterns] of Object.entries({ allowPaths, allowAnonymous, allowAdmin, denyPaths, denySessions }))
    checkPatterns(name, patterns);
  return {
    isDenied: closing(denyPaths),
    isAllowed: opening(allowPaths),
    isAnonymous: opening(allowAnonymous),
    isAdminOnly: closing(allowAdmin),
    isWithoutSessions: closing(denySessions),
  };
}

function checkPatterns(name: string, patterns: readonly PathPattern[]): void {
  for (const pattern of patterns) {
    const fits = pattern instanceof RegExp || (typeof pattern === "string" && /^[/*][^?#]*$/.test(pattern));
    if (!fits) throw invalid(`rules.${name}`, `has ${JSON.stringify(pattern)}, which is no path that starts with / or *`);
  }
}

function opening(patterns: readonly PathPattern[]): (path: string) => boolean {
  const test = compilePatterns(patterns);
  return patterns.length === 0 ? () => false : remembering((path) => readings(path).every(test));
}

function closing(patterns: readonly PathPattern[]): (path: string) => boolean {
  const test = compilePatterns(patterns);
  return patterns.length === 0 ? () => false : remembering((path) => closingReadings(path).some(test));
}

/** Answers that are kept for one rule, and the longest path that they are kept for: paths come from anybody. */
const mostKept = 1000;
const longestKept = 200;

/** An app has few paths, which are asked for again and again. */
function remembering(test: (path: string) => boolean): (path: string) => boolean {
  const kept = new Map<string, boolean>();
  return (path) => {
    const known = kept.get(path);
    if (known !== undefined) return known;
    const fits = test(path);
    if (path.length > longestKept) return fits;
    if (kept.size >= mostKept) kept.clear();
    kept.set(path, fits);
    return fits;
  };
}
