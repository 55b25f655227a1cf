import type { Account } from "./account.js";
import { closingReadings, compilePatterns, type PathTest, readings } from "./path-pattern.js";

/** Whether the lists of an account let it use `path`. */
export function aclAllows({ acl_deny, acl_allow }: Pick<Account, "acl_deny" | "acl_allow">, path: string): boolean {
  if (acl_deny && closingReadings(path).some(listTest(acl_deny))) return false;
  return !acl_allow || readings(path).every(listTest(acl_allow));
}

/** Each item stands for a path and everything below it. Items are never regular expressions: those could be made to run for ever. */
function listTest(list: string): PathTest {
  const items = list
    .split(/[,|]/)
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => item.replace(/^(?![/*])/, "/").replace(/\/$/, ""));
  return compilePatterns(items.flatMap((item) => [item, `${item}/*`]));
}
