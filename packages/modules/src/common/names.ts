// Names of icons and files, and who may read them.

import type { Caller } from "../contract/endpoint.js";
import { invalid } from "./failures.js";

/** A part of a name: nothing in it leads elsewhere, whatever it becomes a part of. */
const partForm = /^(?!\.+$)[A-Za-z0-9._-]+$/;

/** @throws BkError `invalid` naming the parameter */
export function checkName(name: string, field: string, most: number): string {
  if (name === "") throw invalid(`${field} is required`, field);
  if (name.length > most) throw invalid(`${field} is longer than ${most} characters`, field);
  if (!partForm.test(name)) throw invalid(`${field} holds letters, digits, dots, _ and - alone, and not dots alone`, field);
  return name;
}

/** Who may read: `""` the owner, `all` everybody, `auth` every account, else the accounts whose ids stand between commas. */
export function checkAcl(acl: string): string {
  if (!/^([\w-]{1,100}(,[\w-]{1,100}){0,49})?$/.test(acl))
    throw invalid("acl_allow is empty, all, auth, or up to 50 ids of accounts between commas", "acl_allow");
  return acl;
}

export function mayRead(acl: string, owner: string, caller: Caller): boolean {
  if (acl === "all") return true;
  if (caller.id === "") return false;
  return caller.id === owner || caller.isAdmin || acl === "auth" || acl.split(",").includes(caller.id);
}
