// Which requests are refused for where they come from.
import { type Account, accountTypes } from "./account.js";
import { invalid } from "./errors.js";
import { networkTest, type NetworkTest } from "./networks.js";
import { closing, type RulePattern, type RuleTest } from "./path-rules.js";

/**
 * Closes paths by the address that a request comes from. An address lets nobody in: credentials are needed as ever.
 *
 * Networks are addresses, or such as `10.0.0.0/8` and `2001:db8::/32`. An address that is not known is in none of them.
 */
export interface NetworkRule {
  /** From here alone. Default from everywhere. */
  readonly allow?: readonly string[] | undefined;
  /** From here not, though `allow` has it. Default none. */
  readonly deny?: readonly string[] | undefined;
  /** The paths that it is for. Default all. */
  readonly paths?: readonly RulePattern[] | undefined;
  /** The types of accounts that it is for, `admin` among them. Default everybody, also without an account. */
  readonly types?: readonly string[] | undefined;
}

/** Whether a request is refused: of nobody in particular, or of an account. */
export type NetworkRefusal = (address: string | undefined, method: string, path: string, account?: Pick<Account, "type">) => boolean;

interface Compiled {
  readonly refuses: NetworkTest;
  readonly refusesUnknown: boolean;
  readonly fits: RuleTest;
  readonly types: readonly string[] | undefined;
}

/**
 * Gives the question for everybody, which is asked before credentials are looked at, and the one for accounts.
 *
 * @param checkPaths  throws for patterns that cannot be used
 * @throws AuthError `invalid` for what is no network
 */
export function compileNetworks(
  rules: readonly NetworkRule[],
  checkPaths: (name: string, patterns: readonly RulePattern[]) => void,
): { readonly refusesAll: NetworkRefusal; readonly refusesAccount: NetworkRefusal } {
  const compiled = rules.map(({ allow, deny = [], paths, types }, at): Compiled => {
    const name = `networks.${at}`;
    checkPaths(`${name}.paths`, paths ?? []);
    if (types?.length === 0) throw invalid(`rules.${name}.types`, "names no type");
    const isAllowed = allow === undefined ? () => true : testOf(`${name}.allow`, allow);
    const isDenied = testOf(`${name}.deny`, deny);
    return {
      refuses: (address) => !isAllowed(address) || isDenied(address),
      refusesUnknown: allow !== undefined,
      fits: paths === undefined ? () => true : closing(paths),
      types,
    };
  });
  const refusing =
    (some: readonly Compiled[]): NetworkRefusal =>
    (address, method, path, account) =>
      some.some(({ refuses, refusesUnknown, fits, types }) => {
        if (!fits(method, path)) return false;
        if (types !== undefined && !accountTypes(account!).some((type) => types.includes(type))) return false;
        return address === undefined ? refusesUnknown : refuses(address);
      });
  return {
    refusesAll: refusing(compiled.filter(({ types }) => types === undefined)),
    refusesAccount: refusing(compiled.filter(({ types }) => types !== undefined)),
  };
}

function testOf(name: string, texts: readonly string[]): NetworkTest {
  const test = networkTest(texts);
  if (typeof test === "function") return test;
  throw invalid(`rules.${name}`, `has ${JSON.stringify(test.wrong.slice(0, 60))}, which is no address or network such as 10.0.0.0/8`);
}
